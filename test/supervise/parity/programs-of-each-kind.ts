// Two supervisord.confs for the comparison: a program of each kind, and a small one that changes.

export const EACH_KIND = `
[program:good]
command=/usr/bin/python3 {programs}/slow-start.py 0
startsecs=0

[program:slow]
command=/usr/bin/python3 {programs}/slow-start.py 0
startsecs=4
autostart=false

[program:exit0]
command=/usr/bin/python3 {programs}/exits.py 0
startsecs=2
startretries=0
autostart=false

[program:exit1]
command=/usr/bin/python3 {programs}/exits.py 1
startsecs=2
startretries=0
autostart=false

[program:exit2]
command=/usr/bin/python3 {programs}/exits.py 2
startsecs=2
startretries=1
autostart=false

[program:late0]
command=/usr/bin/python3 {programs}/exits.py 0 0.3
startsecs=0
autorestart=unexpected

[program:late1]
command=/usr/bin/python3 {programs}/exits.py 1 0.3
startsecs=0
autorestart=false
autostart=false

[program:late2]
command=/usr/bin/python3 {programs}/exits.py 2 0.3
startsecs=0
autorestart=unexpected
exitcodes=0,2
autostart=false

[program:stubborn]
command=/usr/bin/python3 {programs}/ignores-term.py
startsecs=0
stopwaitsecs=1

[program:mule]
command=/usr/bin/python3 {programs}/ignores-term.py
startsecs=0
stopwaitsecs=8
autostart=false

[program:parent]
command=/usr/bin/python3 {programs}/forks-children.py 2 {dir}/children
startsecs=0
stopasgroup=true
killasgroup=true

[program:flood]
command=/usr/bin/python3 {programs}/floods.py 20000
startsecs=0
stdout_logfile={dir}/flood.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=1

[program:later]
command=/bin/cat
startsecs=0
autostart=false

[program:many]
command=/bin/sleep 1000
numprocs=3
process_name=%(program_name)s-%(process_num)02d
startsecs=0

[group:trio]
programs=many

[program:both]
command=/bin/sleep 1001
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE

[group:one]
programs=both,left

[group:two]
programs=both
priority=5

[program:left]
command=/bin/sleep 1002
startsecs=0
redirect_stderr=true

[program:missing]
command=/no/such/command
startretries=0
startsecs=2

[program:bare]
command=nosuchcommand -x
startretries=0
autostart=false

[program:plain]
command=/etc/passwd
startretries=0
autostart=false

[program:folder]
command=/bin/sleep 1003
directory=/no/such/folder
startsecs=2
startretries=0
autostart=false

[program:again]
command=/usr/bin/python3 {programs}/exits.py 3 0.3
startsecs=2
startretries=1000
autostart=false

[program:uni]
command=/bin/echo 'grüße, 世界 <&>'
startsecs=0
autorestart=false
stdout_logfile={dir}/uni.log

[program:redirected]
command=/bin/sh -c 'echo out; echo err >&2; exec sleep 1004'
startsecs=0
redirect_stderr=true
stdout_logfile={dir}/redirected.log

[eventlistener:ear]
command=/usr/bin/python3 {programs}/record-states.py {dir}/ear.jsonl
events=PROCESS_STATE
startsecs=0
`;

/** Starts as long as one likes. */
export const LONG = `
[program:long]
command=/usr/bin/python3 {programs}/slow-start.py 0
startsecs=600
autostart=false
`;

const program = (name: string, command: string, more = ''): string =>
  `[program:${name}]\ncommand=${command}\nstartsecs=0\n${more}\n`;

export const BEFORE = [
  program('same', '/bin/sleep 2000'),
  program('changing', '/bin/sleep 2001'),
  program('going', '/bin/sleep 2002'),
  program('many', '/bin/sleep 2003', 'numprocs=2\nprocess_name=%(program_name)s_%(process_num)d'),
  program('idle', '/bin/sleep 2004', 'autostart=false'),
  program('p1', '/bin/sleep 2005'),
  program('p2', '/bin/sleep 2006'),
  '[group:pair]\nprograms=p1,p2\n\n',
  program('quiet', '/bin/sleep 2007'),
].join('');

/** Another command, one program less, two more. */
export const CHANGED =
  BEFORE.replace('sleep 2001', 'sleep 2101').replace(/\[program:going\][^[]*/, '') +
  program('coming', '/bin/sleep 2010') +
  program('coming-idle', '/bin/sleep 2011', 'autostart=false');

export const MORE = CHANGED.replace('numprocs=2', 'numprocs=3');

/** A member of a group is a program of its own. */
export const APART = MORE.replace('programs=p1,p2', 'programs=p1');

/** What no process depends on. */
export const LOOSE = APART.replace(
  'sleep 2007\n',
  'sleep 2007\nautorestart=false\nstdout_logfile_maxbytes=2MB\npriority=5\nstopwaitsecs=3\n',
);

/** Two that do not end by themselves. */
export const STUBBORN = [
  program('first', '/usr/bin/python3 {programs}/ignores-term.py', 'stopwaitsecs=10\npriority=1'),
  program('second', '/usr/bin/python3 {programs}/ignores-term.py', 'stopwaitsecs=10\npriority=2'),
  program('easy', '/bin/sleep 2020'),
].join('');
