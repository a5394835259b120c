// The same supervisord.conf under Debian's supervisord and under lbproxy, driven by the real supervisorctl and by Python's ServerProxy:
// the same lines, exit statuses, answers, faults and states. Where lbproxy answers otherwise the step says why (`differs`).
import { describe, expect, it } from 'vitest';
import { MAIN } from '../../support/main-file.ts';
import { supervisorVersion } from '../../support/supervisord.ts';
import { isRunning } from '../programs.ts';
import { APART, BEFORE, CHANGED, EACH_KIND, LONG, LOOSE, MORE, STUBBORN } from './programs-of-each-kind.ts';
import {
  type AnyStep,
  anyOrder,
  better,
  compared,
  confOf,
  ctl,
  differs,
  rpc,
  type Side,
  type Step,
  startOurs,
  startTheirs,
} from './sides.ts';

type Sides = readonly [theirs: Side, ours: Side];

const info = (name: string): Step => rpc('getProcessInfo', name);
const until = (name: string, ...states: string[]): Step => ['until', name, states];
const begin = (name: string): Step => rpc('startProcess', name, false);
const deaf = (name: string): Step => ['deaf', name];
const hasSaid = (name: string, text: string): Step => ['has', [name, 'stdout_logfile'], text];
const conf = (sections: string): Step => ['write', 'supervisord.conf', confOf(sections)];

const NAMES = [
  'good',
  'good:good',
  'good:*',
  'good:',
  'trio',
  'trio:*',
  'trio:many-00',
  'trio:many-07',
  'many',
  'nope',
  'nope:*',
  'nope:x',
  'one:both',
  'one:*',
  'both',
  ':',
  ':x',
  'ear',
  'GOOD',
  'a:b:c',
  'grüße',
];

const NO_FOLDER =
  'a folder that is missing is the reason that is shown, and nothing is started in it that would say so in its log';
const REACHED =
  "Supervisor's own words of what is wrong with a file; lbproxy's name the line and the next step";
const CUT = 'a character that the number of bytes cuts in two makes Supervisor fail';
const KILLS = 'killasgroup is on where the file does not say otherwise: no process outlives its leader';
const LEAVES = 'what no process depends on (autorestart, priority, sizes of logs, times) restarts nothing';

/** Once all that start by themselves are where they stay. */
const SETTLED: readonly Step[] = [
  until('missing', 'FATAL', 'STOPPED'),
  until('late0', 'EXITED'),
  until('uni', 'EXITED'),
  until('ear', 'RUNNING'),
  hasSaid('redirected', 'err'),
  hasSaid('uni', '<&>'),
  hasSaid('stubborn', 'ready'),
  hasSaid('parent', 'ready'),
  hasSaid('flood', 'line 19999 '),
];

const ASKED: readonly AnyStep[] = [
  ...SETTLED,
  ctl('status'),
  ctl('status all'),
  ctl('status good all nope'),
  ...NAMES.map((name) => ctl(`status ${name}`)),
  ctl('status good trio:* nope missing'),
  ctl('status later'),
  ctl('status missing good'),
  ctl('pid good nope later'),
  ctl('pid nope:*'),
  ctl('pid trio:many-00'),
  ctl('pid'),
  ctl('pid all'),
  ctl('pid trio:*'),
  ctl('avail'),
  ctl('avail x'),
  ctl('version'),
  ctl('nosuch'),
  ctl('help'),
  ctl('help start'),
  ctl('maintail x'),
  ctl('maintail -x'),
  ctl('maintail -5 x'),
  ...[
    'reread x',
    'reload x',
    'shutdown x',
    'start',
    'stop',
    'restart',
    'signal',
    'signal HUP',
    'clear',
    'tail',
  ].map(ctl),
  ...[
    'tail -5',
    'tail a b c d',
    'tail a b',
    'tail -x good',
    'add',
    'remove',
    'fg',
    'fg nope',
    'fg good nope',
  ].map(ctl),
  ...['fg later', 'fg trio:*', 'fg missing', 'open nope', 'quit', 'exit'].map(ctl),
  rpc('getAllProcessInfo'),
  differs(KILLS, rpc('getAllConfigInfo')),
  ...['getState', 'getPID', 'getIdentification', 'getVersion', 'getSupervisorVersion', 'getAPIVersion'].map(
    (m) => rpc(m),
  ),
  ...NAMES.map(info),
  rpc('getProcessInfo', 5),
  rpc('getProcessInfo'),
  rpc('startProcess'),
  rpc('stopProcess', 'good', true, 3),
  rpc('nope'),
  rpc('system.listMethods'),
  rpc('system.methodSignature', 'supervisor.startProcess'),
  rpc('system.multicall', [
    { methodName: 'supervisor.getState', params: [] },
    { methodName: 'supervisor.stopProcess', params: ['nope'] },
  ]),
  ...['reread', 'update', 'update nope'].map(ctl),
];

const LOGS: readonly AnyStep[] = [
  ...SETTLED,
  ...[
    'tail redirected',
    'tail -4 redirected',
    'tail redirected stderr',
    'tail redirected STDOUT',
    'tail uni',
  ].map(ctl),
  ctl('tail -5 uni'),
  better(CUT, ctl('tail -6 uni')),
  ...[
    'tail -0 uni',
    'tail +5 uni',
    'tail flood',
    'tail one:both',
    'tail nope',
    'tail good:*',
    'tail missing',
  ].map(ctl),
  ...[
    'tail later',
    'tail left',
    'tail one:left',
    'tail one:left stderr',
    'tail trio:many-01',
    'tail parent',
  ].map(ctl),
  ctl('tail stubborn'),
  ['ctl', ['tail', '-f', 'redirected'], 3],
  ['ctl', ['tail', '-f', 'uni', 'stdout'], 3],
  ['ctl', ['tail', '-f', 'uni', 'stderr'], 3],
  ctl('tail -f nope'),
  ctl('tail -f one:both'),
  ...['clear uni', 'tail uni', 'clear redirected', 'tail redirected', 'clear nope', 'clear trio:*'].map(ctl),
  ...['clear one:both', 'clear good redirected nope', 'clear later', 'clear missing'].map(ctl),
  rpc('sendProcessStdin', 'later', 'x'),
  ctl('start later'),
  rpc('sendProcessStdin', 'later', 'grüße\n'),
  rpc('sendProcessStdin', 'trio:*', 'x'),
  hasSaid('later', 'grüße'),
  ctl('tail later'),
  rpc('readProcessStdoutLog', 'later', 0, 0),
  better(CUT, rpc('readProcessStdoutLog', 'later', -3, 0)),
  rpc('readProcessStdoutLog', 'later', 'x', 0),
  rpc('tailProcessStdoutLog', 'later', 0, 100),
  rpc('readProcessStderrLog', 'later', 0, 0),
  rpc('readProcessStderrLog', 'redirected', 0, 0),
  rpc('readProcessStdoutLog', 'one:both', 0, 0),
  rpc('tailProcessStdoutLog', 'one:both', 0, 0),
  rpc('clearProcessLogs', 'one:both'),
  ctl('stop later'),
  rpc('clearLog'),
  ctl('maintail'),
  ctl('start later'),
  // By then it is the program: before its exec supervisord's child takes no TERM.
  rpc('sendProcessStdin', 'later', 'here\n'),
  hasSaid('later', 'here'),
  ctl('stop later'),
  ['has', 'main.log', 'stopped: later'],
  ['mainlog'],
];

const STARTED: readonly AnyStep[] = [
  ...SETTLED,
  ...[
    'start good',
    'start good:*',
    'start nope',
    'start nope:*',
    'start one:nope',
    'start trio',
    'start bare',
  ].map(ctl),
  ...[
    'start plain',
    'start folder',
    'start exit0',
    'start exit1',
    'start late0',
    'start late1',
    'start late2',
    'start missing',
  ].map(ctl),
  ...['late0', 'late1', 'late2'].map((name) => until(name, 'EXITED')),
  ...['exit0', 'exit1', 'folder'].map((name) => until(name, 'FATAL')),
  ...['exit0', 'exit1', 'late1', 'late2', 'missing', 'bare', 'plain', 'late0'].map(info),
  differs(NO_FOLDER, info('folder')),
  ctl('start exit2'),
  until('exit2', 'FATAL'),
  info('exit2'),
  ...['start good nope bare trio:*', 'stop good nope later'].map(ctl),
  info('good'),
  ...[
    'stop good',
    'start good',
    'restart good',
    'restart nope',
    'restart later',
    'stop later',
    'restart good trio:many-00',
  ].map(ctl),
  anyOrder(ctl('restart trio:*')),
  ctl('stop trio:many-00'),
  anyOrder(ctl('stop trio:*')),
  ...['stop trio:*', 'status trio:*', 'start trio:*', 'start trio:*', 'stop stubborn'].map(ctl),
  info('stubborn'),
  ...['start stubborn', 'stop parent', 'start parent', 'stop missing', 'stop exit0', 'stop late0'].map(ctl),
  ...['missing', 'exit0', 'late0'].map(info),
  ['reborn', 'good', ctl('signal HUP good')],
  info('good'),
  ...[
    'start good',
    'signal 0 good',
    'signal CONT good',
    'signal NOPE good',
    'signal CONT nope',
    'signal CONT nope:*',
  ].map(ctl),
  ...[
    'signal CONT trio:*',
    'signal CONT later',
    'signal CONT good later nope',
    'signal CONT all',
    'signal good',
  ].map(ctl),
  ...['signal 99 good', 'signal CONT missing', 'signal usr1 later', 'signal SIGCONT good', 'stop ear'].map(
    ctl,
  ),
  info('ear'),
  ...['start ear', 'start both', 'stop both', 'stop one:both', 'status one:* two:*', 'start one:both'].map(
    ctl,
  ),
];

const IN_EACH_STATE: readonly AnyStep[] = [
  ...SETTLED,
  // STARTING
  begin('long'),
  hasSaid('long', 'ready'),
  ctl('status long'),
  info('long'),
  rpc('startProcess', 'long'),
  begin('long'),
  ...['start long', 'signal CONT long', 'tail long', 'remove long'].map(ctl),
  rpc('sendProcessStdin', 'long', 'x'),
  ctl('stop long'),
  info('long'),
  // BACKOFF, each time a second longer
  begin('again'),
  [
    'within',
    'again',
    'BACKOFF',
    [
      ctl('status again'),
      info('again'),
      ...['pid again', 'signal CONT again', 'start again'].map(ctl),
      rpc('signalProcess', 'again', 'CONT'),
      rpc('sendProcessStdin', 'again', 'x'),
      begin('again'),
      ...['remove again', 'tail again'].map(ctl),
    ],
  ],
  // A new one, of three seconds or more, has just begun.
  until('again', 'STARTING'),
  until('again', 'BACKOFF'),
  until('again', 'STARTING'),
  until('again', 'BACKOFF'),
  ctl('stop again'),
  info('again'),
  ...['status again', 'stop again'].map(ctl),
  // STOPPING
  ctl('start mule'),
  deaf('mule'),
  rpc('stopProcess', 'mule', false),
  info('mule'),
  ctl('start mule'),
  deaf('mule'),
  begin('mule'),
  rpc('sendProcessStdin', 'mule', 'x'),
  rpc('signalProcess', 'mule', 'CONT'),
  rpc('stopProcess', 'mule'),
  rpc('removeProcessGroup', 'mule'),
  rpc('signalProcess', 'mule', 'KILL'),
  until('mule', 'STOPPED'),
  info('mule'),
  // FATAL
  ctl('start missing'),
  until('missing', 'FATAL', 'STOPPED'),
  info('missing'),
  ...['pid missing', 'signal CONT missing', 'stop missing'].map(ctl),
  // Waited for: without that it is supervisord's luck whether it has noticed when it answers.
  rpc('startProcess', 'folder'),
  until('folder', 'FATAL'),
  differs(NO_FOLDER, info('folder')),
  ctl('stop folder'),
  differs(NO_FOLDER, ctl('tail folder stderr')),
  rpc('startProcess', 'exit1'),
  until('exit1', 'FATAL'),
  info('exit1'),
  ctl('stop exit1'),
  // EXITED
  rpc('startProcess', 'late1'),
  until('late1', 'EXITED'),
  info('late1'),
  ...['status late1', 'pid late1', 'signal CONT late1', 'stop late1', 'tail late1', 'remove late1'].map(ctl),
  rpc('sendProcessStdin', 'exit2', 'x'),
];

const AT_ONCE: readonly AnyStep[] = [
  ...SETTLED,
  // A stop during a start that is waited for.
  ['together', [ctl('start slow'), until('slow', 'STARTING'), ctl('stop slow')]],
  info('slow'),
  ['together', [rpc('startProcess', 'slow'), until('slow', 'STARTING'), rpc('stopProcess', 'slow')]],
  info('slow'),
  [
    'together',
    [
      rpc('startProcess', 'slow'),
      until('slow', 'STARTING'),
      rpc('startProcess', 'slow'),
      begin('slow'),
      info('slow'),
    ],
  ],
  info('slow'),
  ctl('stop slow'),
  ['together', [ctl('start slow'), until('slow', 'STARTING'), ctl('start slow')]],
  ctl('stop slow'),
  ctl('start mule'),
  deaf('mule'),
  [
    'together',
    [
      rpc('stopProcess', 'mule'),
      until('mule', 'STOPPING'),
      rpc('startProcess', 'mule'),
      rpc('stopProcess', 'mule'),
      rpc('signalProcess', 'mule', 'KILL'),
    ],
  ],
  until('mule', 'STOPPED'),
  ctl('start mule'),
  deaf('mule'),
  rpc('stopProcess', 'mule', false),
  begin('mule'),
  rpc('signalProcess', 'mule', 'KILL'),
  until('mule', 'STOPPED'),
  ['pause', 1.2],
  info('mule'),
  ctl('start mule'),
  deaf('mule'),
  [
    'together',
    [
      ctl('restart mule'),
      until('mule', 'STOPPING'),
      ctl('restart mule'),
      rpc('signalProcess', 'mule', 'KILL'),
    ],
  ],
  until('mule', 'RUNNING'),
  deaf('mule'),
  rpc('stopProcess', 'mule', false),
  rpc('signalProcess', 'mule', 'KILL'),
  until('mule', 'STOPPED'),
  rpc('startProcessGroup', 'trio'),
  anyOrder(rpc('stopProcessGroup', 'trio')),
  rpc('startProcessGroup', 'trio', false),
  rpc('stopProcessGroup', 'trio', false),
  rpc('startProcessGroup', 'nope'),
  ...['trio:many-00', 'trio:many-01', 'trio:many-02'].map((name) => until(name, 'STOPPED')),
  rpc('signalProcessGroup', 'trio', 'CONT'),
  rpc('startProcess', 'trio:*', false),
  rpc('startProcess', 'one:*'),
  anyOrder(rpc('stopProcess', 'one:*')),
  anyOrder(ctl('stop all')),
  ['states'],
  ctl('stop all'),
  anyOrder(ctl('start all')),
  deaf('mule'),
  rpc('stopProcess', 'mule', false),
  rpc('signalProcess', 'mule', 'KILL'),
  ...['late0', 'late1', 'late2', 'uni'].map((name) => until(name, 'EXITED')),
  ...['exit0', 'exit1', 'exit2', 'folder'].map((name) => until(name, 'FATAL')),
  anyOrder(rpc('stopAllProcesses')),
  ['states'],
];

const CONFIGURED: readonly AnyStep[] = [
  until('quiet', 'RUNNING'),
  ['states'],
  ['pids', 'first'],
  ...['avail', 'reread', 'update'].map(ctl),
  conf(CHANGED),
  ...[
    'avail',
    'reread',
    'reread',
    'avail',
    'status',
    'add coming',
    'add coming',
    'add coming nope',
    'add changing',
  ].map(ctl),
  ...['remove going', 'stop going', 'remove going', 'remove going', 'remove nope', 'remove pair:p1'].map(ctl),
  ['states'],
  ctl('status'),
  ctl('update'),
  ['states'],
  ['pids', 'first'],
  ...['avail', 'reread'].map(ctl),
  conf(MORE),
  ...['reread', 'update nope', 'update many nope'].map(ctl),
  ['states'],
  ...['update', 'update all'].map(ctl),
  ['states'],
  ctl('avail'),
  conf(APART),
  ctl('update pair'),
  ['states'],
  ctl('update'),
  ['states'],
  conf(BEFORE),
  rpc('reloadConfig'),
  ctl('update'),
  ['states'],
  ctl('avail'),
  conf(`${BEFORE}[program:broken]\ncommand=/bin/true %(nope)s\n`),
  differs(REACHED, ctl('reread')),
  differs(REACHED, ctl('update')),
  differs(REACHED, rpc('reloadConfig')),
  ['states'],
  conf(`${BEFORE}[program:broken]\n`),
  differs(REACHED, ctl('reread')),
  rpc('addProcessGroup', 'broken'),
  conf(BEFORE),
  ctl('reread'),
  rpc('addProcessGroup', 'same'),
  rpc('removeProcessGroup', 'same'),
  ...['stop same', 'update', 'remove same', 'status same', 'start same', 'update'].map(ctl),
  until('same', 'RUNNING'),
  ctl('status same'),
  ...['remove idle', 'add idle', 'status idle'].map(ctl),
];

const RELOADED: readonly AnyStep[] = [
  ...['stop same', 'start idle'].map(ctl),
  conf(CHANGED),
  ctl('reload'),
  ['pause', 2],
  ['up'],
  until('quiet', 'RUNNING'),
  ['states'],
  ...['status', 'avail', 'reread'].map(ctl),
  rpc('restart'),
  ['pause', 2],
  ['up'],
  until('quiet', 'RUNNING'),
  ['states'],
  ctl('status'),
];

const ENDED: readonly AnyStep[] = [
  ctl('shutdown'),
  ['ended'],
  ...['status', 'shutdown', 'reload', 'start same', 'avail', 'tail same', 'update', 'pid', 'add x'].map(ctl),
  ['exists', 's.sock'],
  ['exists', 'pid'],
];

/** Told while it ends: each of the two programs that have to be killed takes its time. */
const ENDING: readonly AnyStep[] = [
  deaf('first'),
  deaf('second'),
  ctl('shutdown'),
  ...['shutdown', 'reload', 'avail', 'reread', 'update'].map(ctl),
  rpc('getState'),
  rpc('getAllProcessInfo'),
  rpc('startProcess', 'easy'),
  rpc('stopAllProcesses'),
];

/** What `lbproxy ctl` prints as supervisorctl does: all but `restart` and `update`, which roll, and say so. */
const AS_SUPERVISORCTL: readonly AnyStep[] = [
  ...SETTLED,
  ...[
    'status',
    'status good trio:* nope missing',
    'status one:* nope:*',
    'avail',
    'pid all',
    'pid nope good',
  ].map(ctl),
  ...['nosuch', 'reread', 'reload x', 'update nope', 'start', 'signal HUP', 'tail a b', 'maintail -x'].map(
    ctl,
  ),
  ...['tail redirected', 'tail -4 redirected', 'tail -6 uni', 'tail one:both', 'tail nope', 'tail later'].map(
    ctl,
  ),
  ...['clear uni', 'clear trio:*', 'clear good redirected nope', 'add nope', 'add good', 'remove good'].map(
    ctl,
  ),
  ...['fg later', 'start good', 'start nope:*', 'start trio', 'start bare', 'start plain', 'start exit0'].map(
    ctl,
  ),
  ...['start good nope bare trio:*', 'stop good nope later', 'start good', 'stop trio:many-00'].map(ctl),
  ...['start trio:*', 'stop stubborn', 'start stubborn', 'signal CONT good', 'signal NOPE good'].map(ctl),
  ...['signal CONT nope:*', 'signal CONT trio:*', 'signal CONT later', 'signal CONT all'].map(ctl),
  ['states'],
];

// Most of the time is spent waiting: each has its own two, all at the same time.
describe.skipIf(supervisorVersion === '')('supervisorctl and ServerProxy', { concurrent: true }, () => {
  describe('with a program of each kind', () => {
    it('do so at the same time', () => compareBoth(EACH_KIND, AT_ONCE), 180_000);
    it('start, stop and signal', () => compareBoth(EACH_KIND, STARTED), 180_000);
    it('do so in each state', () => compareBoth(EACH_KIND + LONG, IN_EACH_STATE), 180_000);
    it('ask', () => compareBoth(EACH_KIND, ASKED), 180_000);
    it('read and clear logs', () => compareBoth(EACH_KIND, LOGS), 180_000);
  });

  it('say on lbproxy what lbproxy ctl says', async () => {
    const sides = await Promise.all([startOurs(EACH_KIND), startOurs(EACH_KIND)]);
    try {
      const [real, own] = await compared(sides, AS_SUPERVISORCTL, [process.execPath, MAIN, 'ctl']);
      expect(own).toEqual(real);
    } finally {
      await Promise.all(sides.map((side) => side.close()));
    }
  }, 180_000);

  it('reread, update, add, remove, reload and shut down with a configuration that changes', async () => {
    await withBoth(BEFORE, async (sides) => {
      const ours = sides[1];
      await compare(sides, CONFIGURED);
      // What no process depends on restarts nothing here.
      await ours.drive([
        ['pids', 'loose'],
        conf(LOOSE.replace('programs=p1', 'programs=p1,p2')),
        ctl('reread'),
      ]);
      const [told, others] = await ours.drive([ctl('update'), ['pids', 'loose']]);
      expect(told, LEAVES).toMatchObject({ exit: 0 });
      expect(JSON.stringify(others)).not.toMatch(/quiet|pair/);
      await compare(sides, [conf(BEFORE)]);
      await compare(sides, RELOADED);
      await compare(sides, ENDED);
    });
  }, 200_000);

  it('shut down, and ask meanwhile, while programs ignore TERM', async () => {
    await withBoth(STUBBORN, async (sides) => {
      const ours = sides[1];
      const [{ answer }] = (await ours.drive([rpc('getAllProcessInfo')])) as { answer: { pid: number }[] }[];
      await compare(sides, ENDING);
      expect(await ours.ended).toBe(0);
      // Killed, it would leave its programs.
      await sides[0].ended;
      expect(answer.map(({ pid }) => pid).filter(isRunning)).toEqual([]);
    });
  }, 200_000);
});

async function withBoth(sections: string, use: (sides: Sides) => Promise<void>): Promise<void> {
  const sides = await Promise.all([startTheirs(sections), startOurs(sections)]);
  try {
    await use(sides);
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

async function compare(sides: Sides, steps: readonly AnyStep[]): Promise<void> {
  const [theirs, ours] = await compared(sides, steps);
  expect(ours).toEqual(theirs);
}

const compareBoth = (sections: string, steps: readonly AnyStep[]): Promise<void> =>
  withBoth(sections, (sides) => compare(sides, steps));
