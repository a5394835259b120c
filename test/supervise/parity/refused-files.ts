// Files that Supervisor refuses as a whole, one of each kind; so does lbproxy. What else it refuses is compared where it is read (test/supervise/ini).
import type { SupervisordFile } from './files.ts';

const REFUSED: Readonly<Record<string, string | Buffer>> = {
  'a byte order mark': Buffer.from('\ufeff[supervisord]\n[program:a]\ncommand=node a.js\n'),
  'bytes of latin-1': Buffer.from('[supervisord]\n[program:a]\ncommand=node gr\xf6\xdfe\n', 'latin1'),
  'a key without a delimiter': '[supervisord]\n[program:a]\ncommand=node a.js\nautostart\n',
  'an empty user': '[supervisord]\n[program:a]\ncommand=node a.js\nuser=\n',
  'a single percent sign': '[supervisord]\n[program:a]\ncommand=date +%Y\n',
  'a variable that is not set': '[supervisord]\n[program:a]\ncommand=node %(ENV_NOT_SET)s\n',
  'sizes of no unit': '[supervisord]\n[program:a]\ncommand=node a.js\nstdout_logfile_maxbytes=10M\n',
  'autorestart=always': '[supervisord]\n[program:a]\ncommand=node a.js\nautorestart=always\n',
  'many of one name': '[supervisord]\n[program:a]\ncommand=node a.js\nnumprocs=2\n',
  'an environment with a blank': '[supervisord]\n[program:a]\ncommand=node a.js\nenvironment=A=x y,B=2\n',
  'a group of none': '[supervisord]\n[program:a]\ncommand=node a.js\n[group:g]\nprograms=b\n',
  'an include without files': '[supervisord]\n[include]\n[program:a]\ncommand=node a.js\n',
  'a server without its password':
    '[supervisord]\n[inet_http_server]\nport=127.0.0.1:{port}\nusername=a\n[program:a]\ncommand=node a.js\n',
};

export const REFUSED_FILES: readonly SupervisordFile[] = Object.entries(REFUSED).map(([name, text]) => ({
  name,
  text,
  refused: true,
}));
