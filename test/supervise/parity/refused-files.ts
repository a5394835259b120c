// Files that Supervisor refuses as a whole; so does lbproxy.
import type { SupervisordFile } from './files.ts';

const REFUSED: Readonly<Record<string, string | Buffer>> = {
  'a byte order mark': Buffer.from('\ufeff[supervisord]\n[program:a]\ncommand=node a.js\n'),
  'bytes of latin-1': Buffer.from('[supervisord]\n[program:a]\ncommand=node gr\xf6\xdfe\n', 'latin1'),
  'a key without a delimiter': '[supervisord]\n[program:a]\ncommand=node a.js\nautostart\n',
  'an empty user': '[supervisord]\n[program:a]\ncommand=node a.js\nuser=\n',
  'an empty numprocs': '[supervisord]\n[program:a]\ncommand=node a.js\nnumprocs=\n',
  'a single percent sign': '[supervisord]\n[program:a]\ncommand=date +%Y\n',
  'a variable that is not set': '[supervisord]\n[program:a]\ncommand=node %(ENV_NOT_SET)s\n',
  'process_name as a name': '[supervisord]\n[program:a]\ncommand=node %(process_name)s\n',
  'sizes of no unit': '[supervisord]\n[program:a]\ncommand=node a.js\nstdout_logfile_maxbytes=10M\n',
  'seconds with a unit': '[supervisord]\n[program:a]\ncommand=node a.js\nstopwaitsecs=10s\n',
  'autorestart=always': '[supervisord]\n[program:a]\ncommand=node a.js\nautorestart=always\n',
  'autostart=y': '[supervisord]\n[program:a]\ncommand=node a.js\nautostart=y\n',
  'many of one name': '[supervisord]\n[program:a]\ncommand=node a.js\nnumprocs=2\n',
  'an environment with a blank': '[supervisord]\n[program:a]\ncommand=node a.js\nenvironment=A=1 2\n',
  'an environment without a value': '[supervisord]\n[program:a]\ncommand=node a.js\nenvironment=A=,B=2\n',
  'a group of none': '[supervisord]\n[program:a]\ncommand=node a.js\n[group:g]\nprograms=b\n',
  'no command': '[supervisord]\n[program:a]\nautostart=true\n',
  'an include without files': '[supervisord]\n[include]\n[program:a]\ncommand=node a.js\n',
  'a signal that is none': '[supervisord]\n[program:a]\ncommand=node a.js\nstopsignal=STOPP\n',
  'killasgroup without stopasgroup':
    '[supervisord]\n[program:a]\ncommand=node a.js\nstopasgroup=true\nkillasgroup=false\n',
  'an event that is none': '[supervisord]\n[eventlistener:a]\ncommand=node a.js\nevents=PROCESS_STATUS\n',
  'a listener with redirect_stderr':
    '[supervisord]\n[eventlistener:a]\ncommand=node a.js\nevents=TICK_5\nredirect_stderr=true\n',
  'a server without its password':
    '[supervisord]\n[inet_http_server]\nport=127.0.0.1:{port}\nusername=a\n[program:a]\ncommand=node a.js\n',
};

export const REFUSED_FILES: readonly SupervisordFile[] = Object.entries(REFUSED).map(([name, text]) => ({
  name,
  text,
  refused: true,
}));
