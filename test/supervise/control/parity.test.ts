// The same calls to Debian's supervisord and to a control server on a stand-in pool with equal programs, through Python's ServerProxy:
// the same answers, faults and statuses, field by field. Process ids, times and directories are the only things left out.
import { describe, expect, it } from 'vitest';
import { confOf, openSite } from '../../support/control-site.ts';
import type { StandInProgram } from '../../support/stand-in-pool.ts';
import {
  isWait,
  type Outcome,
  pythonCalls,
  type Step,
  startSupervisord,
  supervisorVersion,
} from '../../support/supervisord.ts';

const log = (name: string): Pick<StandInProgram, 'stdoutLog' | 'stderrLog'> => ({
  stdoutLog: `{dir}/${name}.out`,
  stderrLog: `{dir}/${name}.err`,
});

const PROGRAMS: readonly StandInProgram[] = [
  { name: 'cat', command: '/bin/cat', ...log('cat') },
  {
    name: 'quick',
    command: "/bin/sh -c 'exit 2'",
    // More than a busy machine takes to see that it ended.
    startMs: 5000,
    startretries: 0,
    ends: { afterMs: 5, status: 2 },
    ...log('quick'),
  },
  {
    name: 'odd',
    command: "/bin/sh -c 'sleep 0.5; exit 3'",
    startMs: 0,
    ends: { afterMs: 500, status: 3 },
    ...log('odd'),
  },
  {
    name: 'once',
    command: '/bin/sleep 0.5',
    startMs: 0,
    ends: { afterMs: 500, status: 0 },
    ...log('once'),
  },
  { name: 'missing', command: '/no/such/command -x', autostart: false, ...log('missing') },
  { name: 'plain', command: '/etc/passwd', autostart: false, ...log('plain') },
  { name: 'folder', command: '/usr', autostart: false, ...log('folder') },
  {
    name: 'idle',
    command: '/bin/sleep 1001',
    autostart: false,
    startMs: 0,
    stdoutLog: null,
    stderrLog: null,
  },
  { name: 'b', group: 'duo', command: '/bin/sleep 1000', startMs: 0, priority: 5, ...log('b') },
  { name: 'a', group: 'duo', command: '/bin/sleep 1000', startMs: 0, priority: 7, ...log('a') },
  {
    name: 'slow',
    command: `/bin/sh -c 'trap "" TERM; echo deaf; while :; do sleep 0.05; done'`,
    says: 'deaf\n',
    startMs: 0,
    priority: 1,
    stopwaitsecs: 1,
    stopTakesMs: 1000,
    ...log('slow'),
  },
  {
    name: 'grüße',
    command: `/bin/echo 'grüß <&> "x"'`,
    startMs: 0,
    says: 'grüß <&> "x"\n',
    ends: { afterMs: 5, status: 0 },
    ...log('gruss'),
  },
];

/** Supervisor counts characters where the length of an answer that had to wait is in bytes, so no name here is more than ASCII. */
const ASCII_PROGRAMS = PROGRAMS.filter(({ name }) => name !== 'grüße');

/** Of these one takes long to stop. */
const SLOW_PROGRAMS = ASCII_PROGRAMS.map((one) =>
  one.name === 'slow' ? { ...one, stopwaitsecs: 8, stopTakesMs: 8000 } : one,
);

const S = 'supervisor.';
const READS: readonly string[] = ['readProcessStdoutLog', 'readProcessStderrLog', 'readProcessLog'];
const TAILS: readonly string[] = ['tailProcessStdoutLog', 'tailProcessStderrLog', 'tailProcessLog'];
const ODD: readonly unknown[] = [
  5,
  true,
  null,
  [],
  ['x'],
  {},
  { $float: 1.5 },
  { $time: [2026, 1, 2, 3, 4, 5] },
];
const NAMES = [
  'cat',
  'cat:cat',
  'duo:a',
  'duo:*',
  'duo:',
  'duo',
  'a',
  'nope',
  'nope:*',
  'duo:nope',
  '',
  ':',
  'a:b:c',
];
const OFFSETS: readonly unknown[] = [
  0,
  1,
  3,
  -1,
  -4,
  -400,
  5000,
  '2',
  ' 3 ',
  'x',
  { $float: 2.7 },
  true,
  null,
  [],
  '1_0',
];

const is = (name: string, ...states: string[]): Step => ['is', name, states];
/** Where all stay that start by themselves. */
const SETTLED: readonly Step[] = [
  is('quick', 'FATAL'),
  is('odd', 'EXITED'),
  is('once', 'EXITED'),
  is('cat', 'RUNNING'),
  is('slow', 'RUNNING'),
  is('duo:a', 'RUNNING'),
  is('duo:b', 'RUNNING'),
  ['said', 'slow', 'deaf'],
];

/** Everything that only asks, with right and wrong arguments. */
const ASKING: readonly Step[] = [
  ...SETTLED,
  is('grüße', 'EXITED'),
  ['said', 'grüße', '&'],
  ...[
    'getAPIVersion',
    'getVersion',
    'getSupervisorVersion',
    'getIdentification',
    'getState',
    'getPID',
  ].flatMap((m): Step[] => [
    [S + m, []],
    [S + m, ['too many']],
  ]),
  [`${S}getAllProcessInfo`, []],
  [`${S}getAllProcessInfo`, [1]],
  [`${S}getAllConfigInfo`, []],
  ...[...NAMES, ...ODD].map((name): Step => [`${S}getProcessInfo`, [name]]),
  [`${S}getProcessInfo`, []],
  [`${S}getProcessInfo`, ['cat', 'cat']],
  ...READS.flatMap((m): Step[] => [
    ...NAMES.map((name): Step => [S + m, [name, 0, 0]]),
    ...ODD.map((name): Step => [S + m, [name, 0, 0]]),
    [S + m, ['idle', 0, 0]],
    [S + m, ['missing', 0, 0]],
    [S + m, ['missing', 'x', []]],
  ]),
  ...['grüße', 'cat'].flatMap((name) =>
    OFFSETS.flatMap((offset): Step[] => [
      [`${S}readProcessStdoutLog`, [name, offset, 0]],
      [`${S}readProcessStdoutLog`, [name, 0, offset]],
      [`${S}readProcessStdoutLog`, [name, offset, offset]],
      [`${S}tailProcessStdoutLog`, [name, 0, offset]],
      [`${S}tailProcessStdoutLog`, [name, offset, 100]],
      [`${S}tailProcessStdoutLog`, [name, offset, offset]],
    ]),
  ),
  ...TAILS.flatMap((m): Step[] => [...NAMES, 'idle', 'missing'].map((name): Step => [S + m, [name, 0, 10]])),
  [`${S}readLog`, ['x', 0]],
  [`${S}readLog`, [-1, 5]],
  [`${S}readLog`, [5]],
  [`${S}readMainLog`, [0, -1]],
  [`${S}nope`, []],
  [`${S}_update`, ['x']],
  ['nope.getState', []],
  ['getState', []],
  [`${S}getState.x`, []],
  ['system.listMethods', []],
  ...['supervisor.startProcess', 'system.multicall', 'nope', 5, null, []].map(
    (name): Step => ['system.methodSignature', [name]],
  ),
  ['system.methodHelp', ['nope']],
  ['system.methodHelp', []],
];

/** Everything that changes something. */
const DOING: readonly Step[] = [
  ...SETTLED,
  [`${S}sendProcessStdin`, ['cat', 'hello\n']],
  [`${S}sendProcessStdin`, ['cat', { $bytes: 'grüß\n' }]],
  [`${S}sendProcessStdin`, ['cat', 5]],
  [`${S}sendProcessStdin`, ['cat', ['x']]],
  [`${S}sendProcessStdin`, ['nope', null]],
  [`${S}sendProcessStdin`, ['nope', 'x']],
  [`${S}sendProcessStdin`, ['duo:*', 'x']],
  [`${S}sendProcessStdin`, ['once', 'x']],
  ['said', 'cat', 'grüß'],
  [`${S}readProcessStdoutLog`, ['cat', 0, 0]],
  [`${S}readProcessStdoutLog`, ['cat', -5, 0]],
  [`${S}tailProcessStdoutLog`, ['cat', 0, 5]],
  [`${S}clearProcessLogs`, ['cat']],
  [`${S}readProcessStdoutLog`, ['cat', 0, 0]],
  [`${S}clearProcessLog`, ['once']],
  ...['nope', 'duo:*', 5, []].map((name): Step => [`${S}clearProcessLogs`, [name]]),
  [`${S}clearAllProcessLogs`, []],
  ...[
    'CONT',
    'sigcont',
    '18',
    18,
    ' cont ',
    'NOPE',
    '999',
    999,
    0,
    '0',
    '',
    { $float: 18.5 },
    null,
    [],
    'SIG_DFL',
  ].map((signal): Step => [`${S}signalProcess`, ['cat', signal]]),
  ...['nope', 'once', 'idle', 'duo:*', 'duo:nope', 5].map(
    (name): Step => [`${S}signalProcess`, [name, 'CONT']],
  ),
  ...['duo', 'nope', 5, [], null, true, { $float: 1.5 }].map(
    (name): Step => [`${S}signalProcessGroup`, [name, 'CONT']],
  ),
  [`${S}signalProcessGroup`, ['duo', 'NOPE']],
  [`${S}signalAllProcesses`, ['CONT']],
  [`${S}signalAllProcesses`, []],
  ...[
    'cat',
    'nope',
    'missing',
    'plain',
    'folder',
    'quick',
    'odd',
    'once',
    'idle',
    'idle',
    'duo:*',
    'duo:a',
    5,
    null,
  ].map((name): Step => [`${S}startProcess`, [name]]),
  [`${S}startProcess`, []],
  [`${S}startProcess`, ['cat', true, 1]],
  ...['duo', 'nope', [], {}, null, 7].map((name): Step => [`${S}startProcessGroup`, [name]]),
  [`${S}stopProcess`, ['duo:a']],
  [`${S}getProcessInfo`, ['duo:a']],
  [`${S}stopProcess`, ['duo:a']],
  [`${S}stopProcess`, ['duo:*']],
  [`${S}startProcess`, ['duo:a', false]],
  [`${S}startProcess`, ['duo:b', 0]],
  [`${S}startProcess`, ['duo:b', 0]],
  [`${S}stopProcessGroup`, ['duo']],
  [`${S}startProcessGroup`, ['duo', false]],
  [`${S}stopProcess`, ['slow']],
  [`${S}getProcessInfo`, ['slow']],
  is('once', 'EXITED'),
  is('odd', 'EXITED'),
  ...['once', 'nope', 'quick', 5].map((name): Step => [`${S}stopProcess`, [name]]),
  [`${S}startAllProcesses`, []],
  ...SETTLED,
  [`${S}getAllProcessInfo`, []],
  ['system.multicall', [[]]],
  ['system.multicall', ['']],
  ['system.multicall', ['x']],
  ['system.multicall', [5]],
  ['system.multicall', [[5]]],
  [
    'system.multicall',
    [
      [
        { methodName: `${S}stopProcess`, params: ['cat'] },
        { methodName: `${S}startProcess`, params: ['cat'] },
        { methodName: `${S}stopProcess`, params: ['nope'] },
        { methodName: 'system.multicall', params: [[]] },
        { methodName: 'nope.nope' },
        { params: [] },
        { methodName: 5 },
        { methodName: `${S}getProcessInfo`, params: [5] },
        { methodName: `${S}getProcessInfo`, params: 'x' },
        { methodName: `${S}getProcessInfo`, params: 5 },
        { methodName: `${S}getProcessInfo`, params: {} },
        { methodName: `${S}readProcessStdoutLog`, params: ['cat', 'x', 0] },
        { methodName: `${S}tailProcessStdoutLog`, params: ['cat', 'x', 0] },
        { methodName: `${S}stopProcessGroup`, params: ['duo'] },
        { methodName: `${S}getState` },
      ],
    ],
  ],
  ...['duo', 'nope', 5, [], 'cat'].map((name): Step => [`${S}removeProcessGroup`, [name]]),
  [`${S}getProcessInfo`, ['duo:a']],
  ...['nope', 5, [], null, 'duo', 'duo'].map((name): Step => [`${S}addProcessGroup`, [name]]),
  is('duo:a', 'RUNNING'),
  [`${S}getProcessInfo`, ['duo:a']],
  [`${S}reloadConfig`, []],
  [`${S}reloadConfig`, [1]],
  ['supervisor.sendRemoteCommEvent', ['a', 'b']],
  ['supervisor.sendRemoteCommEvent', ['a']],
  [`${S}stopAllProcesses`, []],
  [`${S}stopAllProcesses`, [false]],
  [`${S}getAllProcessInfo`, []],
];

/** What is told while it ends: one of the programs needs its time to stop. */
const ENDING: readonly Step[] = [
  ['said', 'slow', 'deaf'],
  [`${S}shutdown`, [1]],
  [`${S}shutdown`, []],
  [`${S}getState`, []],
  [`${S}getPID`, []],
  [`${S}getState`, [1]],
  [`${S}startProcess`, ['cat']],
  [`${S}signalAllProcesses`, ['CONT']],
  [`${S}signalProcessGroup`, ['nope', 'CONT']],
  [`${S}sendRemoteCommEvent`, ['a', 'b']],
  [`${S}restart`, []],
  ['system.listMethods', []],
];

const NAME = 'the same calls to supervisord and to a control server';

describe.skipIf(supervisorVersion === '')(NAME, { concurrent: true }, () => {
  it('is asked the same, and answers the same', () => compare(ASKING, PROGRAMS), 60_000);
  it('does the same', () => compare(DOING, ASCII_PROGRAMS), 90_000);
  it('refuses the same while it ends', () => compare(ENDING, SLOW_PROGRAMS), 60_000);
});

async function compare(steps: readonly Step[], programs: readonly StandInProgram[]): Promise<void> {
  const real = await startSupervisord(confOf(programs));
  const site = await openSite(programs);
  try {
    const [theirs, ours] = await Promise.all([pythonCalls(real.url, steps), pythonCalls(site.url, steps)]);
    const calls = steps.filter((step) => !isWait(step));
    const told = (outcomes: readonly Outcome[], dir: string): readonly unknown[] =>
      calls.map((call, i) =>
        isBetter(theirs[i], ours[i]) ? { call } : { call, ...neutral(outcomes[i], dir) },
      );
    expect(told(ours, site.dir)).toEqual(told(theirs, real.dir));
    expect(site.reports).toEqual([]);
  } finally {
    await Promise.all([site.close(), real.stop()]);
  }
}

/** A character cut in two: Supervisor fails, lbproxy puts U+FFFD there. */
const isBetter = (theirs: Outcome, ours: Outcome): boolean =>
  'http' in theirs &&
  theirs.http === 500 &&
  'answer' in ours &&
  JSON.stringify(ours.answer).includes('\ufffd');

/** Without what differs from run to run. */
function neutral(outcome: Outcome, dir: string): object {
  const text = JSON.stringify(outcome, (key, value) => {
    if (['start', 'stop', 'now', 'pid'].includes(key) && value !== 0) return `some ${key}`;
    if (Array.isArray(value)) return inOneOrder(value);
    return typeof value === 'string' ? neutralText(value.replaceAll(dir, 'DIR')) : value;
  });
  const plain = JSON.parse(text);
  return typeof plain.answer === 'number' ? { answer: 'a number' } : plain;
}

/** Whether a process that was told to stop has ended by the next look is luck, and so is where Supervisor puts it among the results. */
const inOneOrder = (list: readonly unknown[]): readonly unknown[] =>
  list.every((item) => typeof item === 'object' && item !== null && 'status' in item)
    ? [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    : list;

const neutralText = (text: string): string =>
  text.replace(/^pid \d+, uptime 0:00:\d\d$/, 'UP').replace(/^[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M$/, 'WHEN');
