// One configuration with a program of each kind, what is done to it, and the states that Supervisor's documentation lets one expect.
import type { RecordedStates } from '../../support/supervisor-states.ts';

/** startsecs are 0 or 2: with 1 Supervisor's own loop, which sleeps up to a second, decides whether a quick end is seen in time. */
export const SCENARIO = `
[program:good]
command=/usr/bin/python3 {programs}/slow-start.py 0
startsecs=2

[program:slow]
command=/usr/bin/python3 {programs}/slow-start.py 5
startsecs=2

[program:done]
command=/usr/bin/python3 {programs}/exits.py 0
startsecs=0
autorestart=unexpected

[program:failed]
command=/usr/bin/python3 {programs}/exits.py 2
startsecs=0
autorestart=false

[program:second-time]
command=/usr/bin/python3 {programs}/exits.py 2 0 0 {dir}/second-time
startsecs=0
autorestart=unexpected

[program:too-quick]
command=/usr/bin/python3 {programs}/exits.py 0
startsecs=2
startretries=1
autorestart=false

[program:no-retries]
command=/usr/bin/python3 {programs}/exits.py 1
startsecs=2
startretries=0

[program:killed]
command=/usr/bin/python3 {programs}/exits.py -9
startsecs=0
autorestart=false

[program:missing]
command=/no/such/program
startretries=0

[program:stubborn]
command=/usr/bin/python3 {programs}/ignores-term.py
startsecs=2
stopwaitsecs=1

[program:parent]
command=/usr/bin/python3 {programs}/forks-children.py 2 {dir}/children
startsecs=2
stopasgroup=true
killasgroup=true

[program:flood]
command=/usr/bin/python3 {programs}/floods.py 200000
startsecs=2
stdout_logfile={dir}/flood.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=1

[program:later]
command=/usr/bin/python3 {programs}/slow-start.py 0
startsecs=2
autostart=false

[group:pair]
programs=left,right

[program:left]
command=/usr/bin/python3 {programs}/slow-start.py 0
startsecs=0

[program:right]
command=/usr/bin/python3 {programs}/slow-start.py 0
startsecs=0
`;

/** Stopped once all are where they stay, in this order, each awaited. */
export const STOPPED: readonly string[] = [
  'good:good',
  'stubborn:stubborn',
  'parent:parent',
  'flood:flood',
  'pair:left',
];
/** Started after that, and awaited. */
export const STARTED: readonly string[] = ['pair:left'];

const UP = ['STOPPED → STARTING tries:0', 'STARTING → RUNNING'];
const DOWN = ['RUNNING → STOPPING', 'STOPPING → STOPPED'];

export const STATES: RecordedStates = {
  'good:good': [...UP, ...DOWN],
  'slow:slow': UP,
  'done:done': [...UP, 'RUNNING → EXITED expected:1'],
  'failed:failed': [...UP, 'RUNNING → EXITED expected:0'],
  'second-time:second-time': [
    ...UP,
    'RUNNING → EXITED expected:0',
    'EXITED → STARTING tries:0',
    'STARTING → RUNNING',
    'RUNNING → EXITED expected:1',
  ],
  'too-quick:too-quick': [
    'STOPPED → STARTING tries:0',
    'STARTING → BACKOFF tries:1',
    'BACKOFF → STARTING tries:1',
    'STARTING → BACKOFF tries:2',
    'BACKOFF → FATAL',
  ],
  'no-retries:no-retries': ['STOPPED → STARTING tries:0', 'STARTING → BACKOFF tries:1', 'BACKOFF → FATAL'],
  'killed:killed': [...UP, 'RUNNING → EXITED expected:0'],
  'missing:missing': ['STOPPED → STARTING tries:0', 'STARTING → BACKOFF tries:1', 'BACKOFF → FATAL'],
  'stubborn:stubborn': [...UP, ...DOWN],
  'parent:parent': [...UP, ...DOWN],
  'flood:flood': [...UP, ...DOWN],
  'pair:left': [...UP, ...DOWN, ...UP],
  'pair:right': UP,
};
