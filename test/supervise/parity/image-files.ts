// Whole supervisord.conf files as they lie in images and on servers: [supervisord], servers, includes, event listeners.
import type { SupervisordFile } from './files.ts';

const STDOUT = 'stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n';
const STDERR = 'stderr_logfile=/dev/stderr\nstderr_logfile_maxbytes=0\n';

const sample = `; Sample supervisor config file.

[unix_http_server]
file={dir}/run/supervisor.sock   ; (the path to the socket file)
chmod=0700                       ; sockef file mode (default 0700)

[supervisord]
logfile={dir}/log/supervisord.log ; (main log file;default $CWD/supervisord.log)
logfile_maxbytes=50MB        ; (max main logfile bytes b4 rotation;default 50MB)
logfile_backups=10           ; (num of main logfile rotation backups;default 10)
loglevel=info                ; (log level;default info; others: debug,warn,trace)
pidfile={dir}/run/supervisord.pid ; (supervisord pidfile;default supervisord.pid)
nodaemon=false               ; (start in foreground if true;default false)
minfds=1024                  ; (min. avail startup file descriptors;default 1024)
minprocs=200                 ; (min. avail process descriptors;default 200)
childlogdir={dir}/log            ; ('AUTO' child log dir, default $TEMP)

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{dir}/run/supervisor.sock ; use a unix:// URL  for a unix socket

[include]
files = {dir}/conf.d/*.conf
`;

export const IMAGE_FILES: readonly SupervisordFile[] = [
  {
    name: 'an image of nginx and php-fpm',
    text: `[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile={dir}/run/supervisord.pid\n\n[program:php-fpm]\ncommand=php-fpm -F @out=says_php\n${STDOUT}${STDERR}autorestart=false\nstartretries=0\n\n[program:nginx]\ncommand=nginx -g 'daemon off;' @out=says_nginx @err=says_worse\n${STDOUT}${STDERR}autorestart=false\nstartretries=0\n`,
  },
  {
    name: 'an image with users',
    text: `[supervisord]\nnodaemon=true\nuser=root\nlogfile={dir}/log/supervisord.log\npidfile={dir}/run/supervisord.pid\n\n[program:web]\ncommand=node server.js @out=says_web @err=says_err\nuser=www-data\n${STDOUT}${STDERR}[program:cron]\ncommand=cron -f -l 8 @out=says_cron\nstdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n`,
  },
  {
    name: 'sshd and others, as short as can be',
    text: '[supervisord]\nnodaemon=true\n\n[program:sshd]\ncommand={dir}/bin/sshd -D\n\n[program:apache2]\ncommand=/bin/bash -c "exec {dir}/bin/apache2 -DFOREGROUND"\n\n[program:mysql]\ncommand=mysqld --user=mysql @after=0.2\nstartsecs=0\nautorestart=false',
  },
  {
    name: "Debian's layout",
    text: sample,
    server: { path: 'run/supervisor.sock' },
    files: {
      'conf.d/b.conf': '[program:b]\ncommand=node b.js %(here)s @out=b\n',
      'conf.d/a.conf':
        '[program:a]\ncommand=node a.js\nstdout_logfile=%(here)s/a.log\ndirectory=%(here)s\n[group:g]\nprograms=a\n',
      'conf.d/off.conf.disabled': '[program:off]\ncommand=node off.js\n',
    },
  },
  {
    name: 'a server on a port with a password',
    text: '[inet_http_server]\nport=127.0.0.1:{port}\nusername=admin\npassword=geheim%%1\n[supervisord]\nnodaemon=true\nlogfile={dir}/log/supervisord.log\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[program:a]\ncommand=node a.js\n',
    server: { port: true, login: 'admin:geheim%1' },
  },
  {
    name: 'two servers, one with a hash of its password',
    text: '[inet_http_server]\nport={port}\n[unix_http_server]\nfile={dir}/run/s.sock\nchmod=0770\nchown=nobody:nogroup\nusername=u\npassword={SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8\n[supervisord]\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[program:a]\ncommand=node a.js\n',
    server: { login: 'u:password' },
  },
  {
    name: 'the environment of [supervisord]',
    text: '[supervisord]\nnodaemon=true\nenvironment=A=1,B="two, three",SHARED=theirs,APP_ENV=staging\n[program:a]\ncommand=node --a=%(ENV_A)s --env=%(ENV_APP_ENV)s\nenvironment=SHARED=own,C="%(ENV_B)s"\n[program:b]\ncommand=node b.js\n',
  },
  {
    name: 'umask, directory and childlogdir of [supervisord]',
    text: '[supervisord]\nnodaemon=true\numask=077\ndirectory={dir}/app\nchildlogdir={dir}/log\nidentifier=mine\n[program:a]\ncommand=node a.js @write=made @out=out\n[program:b]\ncommand=node b.js @out=out\nstdout_logfile=b.log\n[program:c]\ncommand=node c.js @out=x\nprocess_name=c%(process_num)d\nnumprocs=2\n',
  },
  {
    name: 'a user of [supervisord]',
    text: '[supervisord]\nnodaemon=true\nuser=nobody\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile={dir}/tmp/supervisord.pid\n[unix_http_server]\nfile={dir}/tmp/s.sock\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[program:a]\ncommand=node a.js @out=x\nstdout_logfile={dir}/tmp/a.log\n[program:b]\ncommand=node b.js\nuser=nobody\n',
    server: { path: 'tmp/s.sock' },
    differs: [
      {
        line: /^files(After)? tmp\/\S+(?:\.log|\.pid) /,
        why: 'lbproxy stays root, and so do the files that it writes',
      },
    ],
  },
  {
    name: 'old AUTO logs go',
    text: '[supervisord]\nchildlogdir={dir}/log\n[program:a]\ncommand=node a.js @out=new\n',
    files: {
      'log/a-stdout---supervisor-abcdefgh.log': 'old\n',
      'log/a-stdout---supervisor-abcdefgh.log.1': 'older\n',
      'log/a-stdout---another-abcdefgh.log': 'of another\n',
      'log/a.log': 'a log\n',
    },
  },
  {
    name: 'old AUTO logs stay',
    text: '[supervisord]\nchildlogdir={dir}/log\nnocleanup=true\n[program:a]\ncommand=node a.js @out=new\n',
    files: { 'log/old-stdout---supervisor-abcdefgh.log': 'old\n' },
  },
  {
    name: 'event listeners',
    text: `[supervisord]\nnodaemon=true\n[eventlistener:memmon]\ncommand=memmon -a 200MB @listens\nevents=PROCESS_COMMUNICATION\n[eventlistener:state]\ncommand=listener @listens\nevents=PROCESS_STATE\nbuffer_size=100\npriority=1\n[eventlistener:kill]\ncommand=/bin/sh -c 'echo READY && read line && kill -3 1' @listens\nevents=TICK_3600\nstdout_logfile={dir}/log/kill.log\n[program:a]\ncommand=node a.js\n`,
    differs: [
      { line: /^filesAfter tmp\/state-stdout/, why: 'how many events still come before its own end' },
    ],
  },
  {
    name: 'a full server',
    text: `[supervisord]\nlogfile={dir}/log/supervisord.log\npidfile={dir}/run/supervisord.pid\nchildlogdir={dir}/log\n\n[program:redis]\ncommand=redis-server {dir}/app/redis.conf\npriority=1\nuser=nobody\nstdout_logfile={dir}/log/redis.log\n\n[program:app]\ncommand=uvicorn app:app --fd 0 --workers 2\nnumprocs=4\nprocess_name=app-%(process_num)d\ndirectory={dir}/app\nstdout_logfile={dir}/log/app-%(process_num)d.log\nredirect_stderr=true\npriority=10\nstartsecs=1\nstopsignal=INT\n\n[program:celery]\ncommand=celery worker -A app -Q %(program_name)s,default\npriority=20\nstopwaitsecs=30\nkillasgroup=true\n\n[program:flower]\ncommand=celery flower --basic_auth=u:p@ss#word\nautostart=false\n\n[group:workers]\nprograms=celery,flower\npriority=20\n`,
  },
  {
    name: 'includes of other names, none, and one that overrides',
    text: '[supervisord]\nnodaemon=true\n[include]\nfiles = {dir}/etc/*.ini relative/*.conf nothing/*.conf\n[program:a]\ncommand=node a.js --main\n',
    files: {
      'etc/one.ini': '[program:one]\ncommand=node one.js\n',
      'relative/two.conf':
        '[program:two]\ncommand=node two.js\n[include]\nfiles=deeper/*.conf\n[program:a]\ncommand=node a.js --overridden\n',
      'relative/deeper/three.conf': '[program:three]\ncommand=node three.js\n',
    },
  },
  {
    name: 'syslog',
    text: '[supervisord]\nnodaemon=true\nlogfile=syslog\n[program:a]\ncommand=node a.js @out=x\nstdout_logfile=syslog\nstderr_syslog=true\n[program:b]\ncommand=node b.js\nstdout_syslog=true\nstdout_logfile={dir}/log/b.log\n',
    differs: [
      {
        line: /^files(After)? supervisord\.log/,
        why: 'syslog of supervisord itself',
      },
    ],
  },
  {
    name: 'escapes are taken out',
    text: '[supervisord]\nstrip_ansi=true\n[program:a]\ncommand=/usr/bin/printf "\\\\033[31mred\\\\033[0m plain\\\\n"\nstartsecs=0\nautorestart=false\nstdout_logfile={dir}/log/a.log\n',
  },
  {
    name: 'a log that is rotated',
    text: '[supervisord]\n[program:a]\ncommand=/bin/sh -c "for i in 1 2 3 4 5 6 7 8 9; do echo line $i of this program; sleep 0.1; done; sleep 1000"\nstdout_logfile={dir}/log/a.log\nstdout_logfile_maxbytes=70\nstdout_logfile_backups=2\n',
  },
  {
    name: 'a log that is there already',
    text: '[supervisord]\n[program:a]\ncommand=node a.js @out=new\nstdout_logfile={dir}/log/a.log\n[program:b]\ncommand=node b.js @out=new\nautostart=false\nstdout_logfile={dir}/log/b.log\n',
    files: { 'log/a.log': 'old\n' },
  },
  {
    name: 'a directory that is not there',
    text: '[supervisord]\n[program:a]\ncommand=node a.js\ndirectory={dir}/missing\nstartretries=0\n[program:b]\ncommand=node b.js\ndirectory="{dir}/app"\nstartretries=0\n[program:c]\ncommand=node c.js\ndirectory=~\nstartretries=0\n[program:d]\ncommand=node d.js\n',
    afterMs: 3500,
    differs: [
      {
        line: /spawnerr|description|status|log/,
        why: 'the reason is said, and not written to the log of stderr',
      },
      { line: /exitstatus|hasStopped/, why: 'there was no process that could have ended' },
    ],
  },
  {
    name: 'old spellings',
    text: '[supervisord]\nnodaemon=true\n[program:a]\ncommand=node a.js\nlogfile={dir}/log/a.log\nlog_stderr=true\nlogfile_maxbytes=1MB\nstdout_logfile_max_bytes=1MB\nautostart=1\nautorestart=yes\nredirect_stderr=on\n[inet_http_serverx]\nport={port}\n[programs:b]\ncommand=node b.js\n',
  },
  {
    name: 'a header without its bracket',
    text: '[supervisord]\n[program:a]\ncommand=node a.js\n[program:b\ncommand=node b.js\n',
  },
  {
    name: 'fcgi',
    text: '[supervisord]\n[fcgi-program:django]\nsocket=tcp://127.0.0.1:{port}\ncommand=superfcgi app\nprocess_name=%(program_name)s_%(process_num)02d\nnumprocs=2\n[fcgi-program:other]\nsocket=unix://{dir}/run/%(program_name)s.sock\nsocket_mode=0770\nsocket_owner=nobody\ncommand=php-fpm\n',
    differs: [{ line: /^filesAfter run\/other\.sock/, why: 'the socket of a program that ended is removed' }],
  },
  {
    name: 'one that ignores TERM, one that has more to say',
    text: '[supervisord]\n[program:a]\ncommand=node a.js @stubborn\nstopwaitsecs=1\n[program:b]\ncommand=node b.js @says\nstdout_logfile={dir}/log/b.log\n',
  },
  {
    name: 'startsecs that are long',
    text: '[supervisord]\n[program:a]\ncommand=node a.js\nstartsecs=30\n[program:b]\ncommand=node b.js\n',
    afterMs: 2300,
  },
  {
    name: 'restarted again and again',
    text: '[supervisord]\n[program:a]\ncommand=node a.js @after=60\nautorestart=true\nstartsecs=0\n',
    afterMs: 2700,
  },
];
