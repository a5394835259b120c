// The directives of a program block that say when a process is ready, how it is replaced, and what it depends on.
import type { Settings } from '../../config/model.ts';
import { count, type ReadContext, type Row, type SettingRow, setting, time } from '../../config/row.ts';
import { parseSize, parseTime } from '../../config/units.ts';
import type { ReadyPlan } from '../state.ts';

declare module '../../config/model.ts' {
  interface Settings {
    /** null = tcp where the program has a port, else that it runs. */
    readonly programReady: ReadyPlan | null;
    /** null = no limit. */
    readonly programReadyTimeoutMs: number | null;
    /** null = it is left alone. */
    readonly programReadyLostMs: number | null;
    readonly programDrainMs: number;
    readonly programSlowStartMs: number;
    readonly programMaxUnavailable: number;
    readonly programDependsOn: readonly string[];
    /** Before expansion, from the prefix when relative. */
    readonly programWatch: readonly string[];
    /** null = no limit. */
    readonly programMaxMemoryBytes: number | null;
  }
}

const IN_PROGRAM = ['program'] as const;

type Words = Parameters<SettingRow['read']>[0];

const READY_FORMS =
  'write "ready tcp", "ready http /path" (and the statuses it may be answered with), "ready log pattern", "ready notify" or "ready running"';

function readReady(words: Words, cx: ReadContext): ReadyPlan | undefined {
  const [by, what, ...more] = words;
  const alone = what === undefined;
  if ((by.text === 'tcp' || by.text === 'notify' || by.text === 'running') && alone) return { by: by.text };
  if (by.text === 'http' && !alone && what.text.startsWith('/')) {
    const statuses = more.map(({ text }) => (/^[1-5]\d\d$/.test(text) ? Number(text) : 0));
    const wrong = statuses.indexOf(0);
    if (wrong < 0) return { by: 'http', path: what.text, statuses };
    return cx.problems.error(
      more[wrong].at,
      `"ready http": "${more[wrong].text}" is not a status such as 200`,
    );
  }
  if (by.text === 'log' && !alone && more.length === 0)
    return cx.pattern(what, what.text, false) ? { by: 'log', pattern: what.text } : undefined;
  return cx.problems.error(by.at, `"ready": ${READY_FORMS}`);
}

function readTimeout(words: Words, cx: ReadContext): number | null | undefined {
  const [{ text, at }] = words;
  if (text === 'off') return null;
  const ms = parseTime(text);
  if (ms !== undefined && ms > 0) return ms;
  return cx.problems.error(at, `"ready_timeout": "${text}" is neither a time such as 60s nor "off"`);
}

function readReadyLost(words: Words, cx: ReadContext): number | null | undefined {
  const [what, after] = words;
  if (what.text === 'keep' && after === undefined) return null;
  const ms = after === undefined ? upkeepDefaults.programReadyLostMs : parseTime(after.text);
  if (what.text === 'restart' && ms !== undefined && ms > 0) return ms;
  return cx.problems.error(what.at, 'write "ready_lost restart 60s", or "ready_lost keep" to leave it alone');
}

function readMemory(words: Words, cx: ReadContext): number | null | undefined {
  const [{ text, at }] = words;
  if (text === 'off') return null;
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  return cx.problems.error(at, `"max_memory": "${text}" is neither a size such as 512m nor "off"`);
}

export const upkeepRows: readonly Row[] = [
  setting('programReady', {
    name: 'ready',
    contexts: IN_PROGRAM,
    args: [1, 16],
    syntax: 'tcp | http path [status …] | log pattern | notify | running',
    doc:
      'When a process is ready, and gets requests: its port accepts (the default where there is one); a GET of the path on its port is ' +
      'answered with one of the statuses (200 to 399 unless told); a line of its output matches the pattern; it sends READY=1 to ' +
      '$NOTIFY_SOCKET, as sd_notify(3) does; or it runs (the default without a port). Until then it is STARTING.',
    read: readReady,
  }),
  setting('programReadyTimeoutMs', {
    name: 'ready_timeout',
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'time | off',
    default: 'off',
    doc: 'A process that is not ready by then has failed to start: it is ended, and tried again after a pause.',
    read: readTimeout,
  }),
  setting('programReadyLostMs', {
    name: 'ready_lost',
    contexts: IN_PROGRAM,
    args: [1, 2],
    syntax: 'restart [time] | keep',
    default: 'restart',
    doc:
      'What is done with a process that runs on after its port has closed. It gets no requests until the port accepts ' +
      'again; restart: after this time, 60s unless told, it is stopped and started anew.',
    read: readReadyLost,
  }),
  time('programDrainMs', {
    name: 'drain',
    aliases: ['drain_timeout'],
    contexts: IN_PROGRAM,
    default: '10s',
    doc:
      'How long requests under way may take to end once a process that is to stop gets no new ones; then it gets stopsignal. ' +
      '0 waits for none.',
  }),
  time('programSlowStartMs', {
    name: 'slow_start',
    contexts: IN_PROGRAM,
    default: '0',
    doc: 'How long the share of requests of a process that has become ready grows from a tenth to the whole.',
  }),
  count('programMaxUnavailable', {
    name: 'max_unavailable',
    contexts: IN_PROGRAM,
    min: 1,
    max: 1000,
    default: '1',
    doc: 'How many processes a rolling restart takes out at once.',
  }),
  setting('programDependsOn', {
    name: 'depends_on',
    contexts: IN_PROGRAM,
    args: [1, 64],
    syntax: 'program …',
    doc: 'Programs that have to be ready, or, where they are jobs, to have ended well, before this one starts.',
    read: (words) => words.map(({ text }) => text),
  }),
  setting('programWatch', {
    name: 'watch',
    contexts: IN_PROGRAM,
    args: [1, 64],
    syntax: 'path …',
    doc: 'Files and directories whose change restarts the processes, one after the other. One that waits after failed starts is tried at once.',
    read: (words) => words.map(({ text }) => text),
  }),
  setting('programMaxMemoryBytes', {
    name: 'max_memory',
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'size | off',
    default: 'off',
    doc: 'A process that uses more, with all that it started, is replaced.',
    read: readMemory,
  }),
];

export const upkeepDefaults = {
  programReady: null,
  programReadyTimeoutMs: null,
  programReadyLostMs: 60_000,
  programDrainMs: 10_000,
  programSlowStartMs: 0,
  programMaxUnavailable: 1,
  programDependsOn: [],
  programWatch: [],
  programMaxMemoryBytes: null,
} as const satisfies Partial<Settings>;
