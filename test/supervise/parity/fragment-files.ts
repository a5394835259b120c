// Files for a conf.d directory, in the shapes of real ones: no [supervisord] of their own.
import type { SupervisordFile } from './files.ts';

const celery = `; Celery of a Django project
[program:celery]
command=celery -A proj worker --loglevel=INFO -n worker1@%%h
directory={dir}/app
user=nobody
numprocs=1
stdout_logfile={dir}/log/celery-worker.log
stderr_logfile={dir}/log/celery-worker.log
autostart=true
autorestart=true
startsecs=2

; Need to wait for currently executing tasks to finish at shutdown.
stopwaitsecs = 600
stopasgroup=true
priority=1000

[program:celerybeat]
command=celery beat -A proj --schedule {dir}/run/beat.db --loglevel=INFO
directory={dir}/app
user=nobody
stdout_logfile={dir}/log/beat.log
stderr_logfile={dir}/log/beat_err.log
autostart=true
autorestart=true
startsecs=2
priority=999
`;

const laravel = `[program:laravel-worker]
process_name=%(program_name)s_%(process_num)02d
command=php {dir}/app/artisan queue:work sqs --sleep=3 --tries=3 --max-time=3600 @out=says_working
autostart=true
autorestart=true
stopasgroup=true
killasgroup=true
user=www-data
numprocs=8
redirect_stderr=true
stdout_logfile={dir}/log/worker.log
stopwaitsecs=3600

[program:laravel-horizon]
process_name=%(program_name)s
command=php {dir}/app/artisan horizon
autostart=true
autorestart=true
user=www-data
redirect_stderr=true
stdout_logfile={dir}/log/horizon.log
stopwaitsecs=3600

[program:laravel-schedule]
command=/bin/sh -c "while [ true ]; do (php {dir}/app/artisan schedule:run --verbose --no-interaction @exit=0 & ); sleep 60; done"
autostart=true
autorestart=true
user=www-data
stdout_logfile={dir}/log/schedule.log
`;

const tornado = `[group:tornadoes]
programs=tornado

[program:tornado]
command=python {dir}/app/main.py --port=80%(process_num)02d @out=started_%(process_num)d @err=listening
directory={dir}/app
user=www-data
autorestart=true
redirect_stderr=true
stdout_logfile={dir}/log/tornado.log
loglevel=info
process_name = %(program_name)s%(process_num)d
numprocs = 4
numprocs_start = 1
`;

const gunicorn = `[program:gunicorn]
environment=PYTHONPATH="{dir}/app",DJANGO_SETTINGS_MODULE="proj.settings",SECRET="a,b%%c'd",EMPTY_OK="x"
command={dir}/bin/gunicorn proj.wsgi:application -c {dir}/app/gunicorn.conf.py --bind=unix:{dir}/run/g.sock @err=Booting
directory={dir}/app
stopsignal=QUIT
stdout_logfile={dir}/log/gunicorn.out.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=5
stderr_logfile={dir}/log/gunicorn.err.log
stderr_logfile_maxbytes=10MB
stderr_logfile_backups=5
stopwaitsecs=5
umask=022
`;

export const FRAGMENT_FILES: readonly SupervisordFile[] = [
  { name: 'celery worker and beat', text: celery, fragment: true },
  { name: 'laravel queues', text: laravel, fragment: true },
  { name: 'tornado by numprocs in a group', text: tornado, fragment: true, unordered: /tornado\.log$/ },
  { name: 'gunicorn with an environment', text: gunicorn, fragment: true },
  {
    name: 'uwsgi, one line each',
    fragment: true,
    text: '[program:uwsgi]\ncommand=uwsgi --ini {dir}/app/uwsgi.ini\nautorestart=true\nstopsignal=QUIT\nautostart=true\nstderr_logfile={dir}/log/uwsgi.err.log\nstdout_logfile={dir}/log/uwsgi.out.log',
  },
  {
    name: 'nothing but a command',
    fragment: true,
    text: '[program:node]\ncommand=node server.js @out=hello @err=oops',
  },
  {
    name: 'CRLF line ends',
    fragment: true,
    text: '[program:web]\r\ncommand=node index.js --name "two words"\r\ndirectory={dir}/app\r\nautostart=true\r\nenvironment=A="1",B=2\r\nstdout_logfile={dir}/log/web.log\r\n',
  },
  {
    name: 'tabs, blanks and colons',
    fragment: true,
    text: '[program:web]\ncommand\t=\tnode  index.js\nautostart: true\n  \ndirectory   =   {dir}/app   \nenvironment =\n\tA="1",\n\tB="2",\n\tC=3\nstdout_logfile  :  {dir}/log/web.log\n',
  },
  {
    name: 'non-ASCII',
    fragment: true,
    text: '; für die Überwachung\n[program:größe]\ncommand=node index.js --größe=größer @out=grüße\ndirectory={dir}/app\nenvironment=NAME="Jürgen",WAS="%(ENV_GREETING)s"\nstdout_logfile={dir}/log/größe.log\n',
  },
  {
    name: 'upper-case keys, a later duplicate wins',
    fragment: true,
    text: '[program:web]\nCommand=node first.js\nAutoStart=false\nautostart=TRUE\ncommand=node second.js\nStdout_LogFile=NONE\n',
  },
  {
    name: 'ENV_ in everything',
    fragment: true,
    text: '[program:app]\ncommand=node %(ENV_APP_ENV)s.js --port=%(ENV_APP_PORT)s\ndirectory={dir}/%(ENV_APP_ENV)s\nenvironment=PORT="%(ENV_APP_PORT)s",HERE="%(here)s",WHO="%(program_name)s/%(group_name)s/%(process_num)d"\nstdout_logfile={dir}/log/%(program_name)s-%(ENV_APP_ENV)s.log\n',
    dirs: ['production'],
  },
  {
    name: 'its own variables in its own command',
    fragment: true,
    text: '[program:app]\nenvironment=MODE=fast,DIR="{dir}/app"\ncommand=node --mode=%(ENV_MODE)s\ndirectory=%(ENV_DIR)s\n',
  },
  {
    name: 'a queue for each number',
    fragment: true,
    text: '[program:queue]\ncommand=php artisan queue:work --queue=q%(process_num)d --of=%(numprocs)d\nprocess_name=%(program_name)s-%(process_num)s\nnumprocs=3\nnumprocs_start=5\nstdout_logfile={dir}/log/%(program_name)s_%(process_num)02d.log\nenvironment=NUMBER="%(process_num)d"\n',
  },
  {
    name: 'sidekiq by bash -c',
    fragment: true,
    text: "[program:sidekiq]\ncommand=/bin/bash -c 'cd {dir}/app && exec sidekiq -C config.yml -e %(ENV_APP_ENV)s'\nuser=daemon\nstopsignal=TSTP\nstopsignal=TERM\nstdout_logfile={dir}/log/sidekiq.log\nredirect_stderr=true\n",
  },
  {
    name: 'a job that is not started by itself',
    fragment: true,
    text: '[program:migrate]\ncommand=python manage.py migrate --noinput\nautostart=false\nautorestart=false\nstdout_logfile={dir}/log/migrate.log\n[program:web]\ncommand=python manage.py runserver 0.0.0.0:8000\nautorestart=unexpected\nexitcodes=0,2\n',
  },
  {
    name: 'one that ends as expected, one that does not',
    fragment: true,
    text: '[program:done]\ncommand=php once.php @after=1.5 @exit=2 @out=done\nautorestart=unexpected\nexitcodes=0, 2\nstdout_logfile={dir}/log/done.log\n[program:failed]\ncommand=php once.php @after=1.5 @exit=3\nautorestart=false\n[program:killed]\ncommand=php once.php @after=1.5 @kill=9\nautorestart=false\n',
  },
  {
    name: 'startsecs=0',
    fragment: true,
    text: '[program:init]\ncommand=start.sh @exit=0 @out=initialised\nstartsecs=0\nautorestart=false\nstartretries=1\nstdout_logfile={dir}/log/init.log\n[program:bad]\ncommand=start.sh @exit=7\nstartsecs=0\nautorestart=false\n',
  },
  {
    name: 'a command that cannot be found',
    fragment: true,
    text: '[program:web]\ncommand=node index.js\n[program:lost]\ncommand={dir}/app/no-such-program --flag\nstartretries=1\n[program:bare]\ncommand=no-such-program\nstartretries=0\n[program:plain]\ncommand={dir}/app/plain.txt\nstartretries=0\n',
    files: { 'app/plain.txt': 'not a program\n' },
  },
  {
    name: 'startretries and a quick end',
    fragment: true,
    text: '[program:quick]\ncommand=node broken.js @exit=1 @err=broken\nstartsecs=10\nstartretries=1\nstderr_logfile={dir}/log/quick.err\n[program:never]\ncommand=node broken.js @exit=0\nstartsecs=10\nstartretries=0\n[program:others]\ncommand=node fine.js\n',
  },
  {
    name: 'processes of many sorts of umask',
    fragment: true,
    text: '[program:a]\ncommand=node a.js @write={dir}/app/a\numask=077\n[program:b]\ncommand=node b.js @write={dir}/app/b\numask=002\n[program:c]\ncommand=node c.js @write={dir}/app/c\n[program:d]\ncommand=node d.js @write={dir}/app/d\numask=0\n',
  },
  {
    name: 'relative paths',
    fragment: true,
    text: '[program:a]\ncommand=node a.js @out=a\ndirectory=app\nstdout_logfile=log/a.log\nstderr_logfile=a.err\n[program:b]\ncommand=app/tool.sh one two\n[program:c]\ncommand=./app/tool.sh\n',
    files: { 'app/tool.sh': '#!/bin/sh\nexec node "$0" "$@"\n' },
  },
  {
    name: 'stderr into stdout, and logs of none',
    fragment: true,
    text: '[program:a]\ncommand=node a.js @out=one @err=two\nredirect_stderr=true\nstdout_logfile={dir}/log/a.log\n[program:b]\ncommand=node b.js @out=one @err=two\nstdout_logfile=none\nstderr_logfile=/dev/null\n[program:c]\ncommand=node c.js @out=one @err=two\nstdout_logfile=AUTO\nstderr_logfile=Auto\n[program:d]\ncommand=node d.js @out=one\nstdout_logfile=\n[program:e]\ncommand=node d.js @out=one\nstdout_logfile=off\nredirect_stderr=true\n',
  },
  {
    name: 'groups with priorities',
    fragment: true,
    text: '[program:web]\ncommand=node web.js\npriority=2\n[program:api]\ncommand=node api.js\npriority=1\n[program:solo]\ncommand=node solo.js\npriority=5\n[group:site]\nprograms=web,api\npriority=10\n',
  },
  {
    name: 'a program in two groups',
    fragment: true,
    text: '[program:web]\ncommand=node web.js %(group_name)s\nstdout_logfile={dir}/log/%(group_name)s.log\n[group:a]\nprograms=web\n[group:b]\nprograms = web\n',
  },
  {
    name: 'numprocs of none',
    fragment: true,
    text: '[program:none]\ncommand=node none.js\nnumprocs=0\n[program:some]\ncommand=node some.js\n',
  },
  {
    name: 'users by name and number',
    fragment: true,
    text: '[program:name]\ncommand=node a.js\nuser=nobody\n[program:number]\ncommand=node b.js\nuser=33\n[program:root]\ncommand=node c.js\nuser=root\n[program:games]\ncommand=node d.js\nuser=games\nenvironment=HOME="/home/games",USER="games"\n',
  },
  {
    name: 'signals to stop with',
    fragment: true,
    text: [
      ...['TERM', 'INT', 'QUIT', 'HUP', 'USR1', 'usr2', 'SIGINT', '2'].map(
        (signal, i) =>
          `[program:p${i}]\ncommand=node p.js @says\nstopsignal=${signal}\nstdout_logfile={dir}/log/p${i}.log\n`,
      ),
    ].join(''),
  },
  {
    name: 'a semicolon inside a command',
    fragment: true,
    text: '[program:nginx]\ncommand=nginx -g "daemon off;"\nautorestart=true\n[program:nginx2]\ncommand=nginx -c {dir}/app/nginx.conf -g \'daemon off;\' ; in front\n[program:a]\ncommand=node x=1;y=2 #no comment\nstdout_logfile={dir}/log/a.log ; the log\n',
  },
  {
    name: 'no shell',
    fragment: true,
    text: `[program:a]\ncommand=node $HOME ~ * > out && echo "$APP_ENV" 'single $x' back\\ slash "in \\"quotes\\"" | cat\n`,
  },
  {
    name: 'comments of all kinds',
    fragment: true,
    text: '#comment\n;comment\n\n[program:a] ; behind a header\ncommand=node a.js ; behind a value\n; autostart=false\n#numprocs=4\nautorestart=false # this is cut too\npriority=5;stays\n',
    refused: true,
  },
  {
    name: 'comments that are comments',
    fragment: true,
    text: '#comment %(ENV_NOT_SET)s\n;comment 100%\n\n[program:a]\ncommand=node a.js ; behind a value\n; autostart=false\n  ; indented\n#numprocs=4\nautorestart=false ;this is cut too\n',
  },
  {
    name: 'continued lines',
    fragment: true,
    text: '[program:a]\ncommand=node a.js\n    --one\n    --two=2\n\n    --three\nenvironment=\n    A="1",\n    B="2"\nautorestart=true\n  autostart=false\n',
    refused: true,
  },
  {
    name: 'continued commands',
    fragment: true,
    text: '[program:a]\ncommand=node a.js\n    --one\n; in between\n    --two=2\n\n    --three\nstdout_logfile=NONE\n',
  },
];
