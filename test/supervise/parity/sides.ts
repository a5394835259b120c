// The same supervisord.conf under Debian's supervisord and under lbproxy, and the same script against both (drive.py): what came of each
// step, without what differs from run to run.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MAIN } from '../../support/main-file.ts';
import { PROGRAMS } from '../../support/supervisor-states.ts';
import { run } from '../../support/supervisord.ts';

const DRIVE = fileURLToPath(new URL('./drive.py', import.meta.url));
const PYTHON = '/usr/bin/python3';
const START_MS = 20_000;
const SCRIPT_MS = 170_000;

export type Step =
  /** supervisorctl; with seconds, until Ctrl-C then. */
  | readonly ['ctl', readonly string[], number?]
  | readonly ['rpc', string, readonly unknown[]]
  /** Once the process is in one of these states. */
  | readonly ['until', string, readonly string[], number?]
  /** The first goes on while the others are done one after the other. */
  | readonly ['together', readonly Step[]]
  | readonly ['write', string, string]
  | readonly ['read' | 'exists', string]
  | readonly ['states']
  | readonly ['up', number?]
  /** What the main log says that both say: without those lines that only one of them writes. */
  | readonly ['mainlog']
  /** Which processes have another pid than at the last look of that name. */
  | readonly ['pids', string]
  /** Once its process is gone. */
  | readonly ['ended']
  /** Once the program would not end of TERM any more. */
  | readonly ['deaf', string]
  /** Does the step, and waits until another process has the place. */
  | readonly ['reborn', string, Step]
  /** What leaves the process as it is, done anew until all of it came to pass in that state. */
  | readonly ['within', string, string, readonly Step[]]
  /** Once the file, or this log of a process, has the text. */
  | readonly ['has', string | readonly [name: string, log: 'stdout_logfile'], string]
  | readonly ['pause', number];

/** `supervisorctl WORDS`. */
export const ctl = (line: string): Step => ['ctl', line.split(' ').filter((word) => word !== '')];
export const rpc = (method: string, ...args: readonly unknown[]): Step => [
  'rpc',
  method.includes('.') ? method : `supervisor.${method}`,
  args,
];

/** Where lbproxy does otherwise on purpose: only exit status, kind of answer and fault are the same, or, where it is `better`, nothing. */
export interface Different {
  readonly why: string;
  readonly step: Step;
  readonly better: boolean;
}

/** Which of several comes first is luck: lines, or results, in any order. */
export interface AnyOrder {
  readonly anyOrder: Step;
}

export type AnyStep = Step | Different | AnyOrder;

export const differs = (why: string, step: Step): Different => ({ why, step, better: false });
export const better = (why: string, step: Step): Different => ({ why, step, better: true });
export const anyOrder = (step: Step): AnyOrder => ({ anyOrder: step });

const stepOf = (step: AnyStep): Step =>
  'why' in step ? step.step : 'anyOrder' in step ? step.anyOrder : step;

/** Drives both at the same time: what came of each step on either side, with the step beside it. */
export async function compared(
  sides: readonly [Side, Side],
  steps: readonly AnyStep[],
  ctlOfSecond?: readonly string[],
): Promise<readonly [unknown[], unknown[]]> {
  const [theirs, ours] = await Promise.all(
    sides.map((side, i) => side.drive(steps.map(stepOf), i === 1 ? ctlOfSecond : undefined)),
  );
  const told = (outcomes: readonly unknown[], dir: string): unknown[] =>
    steps.map((step, i) => ({ step: stepOf(step), came: seen(step, neutral(outcomes[i], dir)) }));
  return [told(theirs, sides[0].dir), told(ours, sides[1].dir)];
}

function seen(step: AnyStep, came: unknown): unknown {
  if ('why' in step) return step.better ? step.why : outline(came);
  return 'anyOrder' in step ? sorted(came) : came;
}

function outline(came: unknown): unknown {
  const { exit, fault, ...rest } = came as { exit?: number; fault?: readonly unknown[] };
  if (exit !== undefined) return { exit };
  return { fault: fault?.[0], kinds: Object.keys(rest) };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sorted(item)]));
}

export interface Side {
  readonly name: string;
  readonly dir: string;
  readonly conf: string;
  readonly pid: number;
  readonly env: NodeJS.ProcessEnv;
  printed(): string;
  /** What came of each step. */
  drive(steps: readonly Step[], ownCtl?: readonly string[]): Promise<readonly unknown[]>;
  readonly ended: Promise<number | null>;
  close(): Promise<void>;
}

/** All of a configuration; `{dir}` is the side's own directory, `{programs}` the one of the small programs. */
export function confOf(sections: string): string {
  return `[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile={dir}/main.log
pidfile={dir}/pid
childlogdir={dir}
identifier=supervisor
${process.getuid?.() === 0 ? 'user=root' : ''}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{dir}/s.sock
${sections}`;
}

export function startTheirs(sections: string): Promise<Side> {
  return start('theirs', sections, ['/usr/bin/supervisord', '-n', '-s', '-c']);
}

export function startOurs(sections: string): Promise<Side> {
  return start('ours', sections, [process.execPath, MAIN, '-c']);
}

async function start(name: string, sections: string, command: readonly string[]): Promise<Side> {
  const dir = mkdtempSync(join(tmpdir(), `lbproxy-${name}-`));
  const conf = join(dir, 'supervisord.conf');
  writeFileSync(conf, placed(confOf(sections), dir));
  const env = { ...process.env, XDG_STATE_HOME: join(dir, 'state'), LC_ALL: 'C.UTF-8' };
  const child = spawn(command[0], [...command.slice(1), conf], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const side: Side = {
    name,
    dir,
    conf,
    env,
    pid: child.pid ?? 0,
    printed: () => text,
    drive: (steps, ownCtl) => drive(side, steps, ownCtl),
    ended,
    close: () => close(child, ended, dir),
  };
  const [up] = await Promise.race([side.drive([['up', START_MS / 1000]]), ended.then(() => ['ended'])]);
  if (up === 'up') return side;
  child.kill('SIGKILL');
  await side.close();
  throw new Error(`${name} did not start: ${text}`);
}

export function placed(text: string, dir: string): string {
  return text.replaceAll('{dir}', dir).replaceAll('{programs}', PROGRAMS);
}

function drive(
  side: Side,
  steps: readonly Step[],
  ctlCommand?: readonly string[],
): Promise<readonly unknown[]> {
  const { name, dir, conf, env, pid, printed } = side;
  const where = { dir, conf, pid, url: `unix://${dir}/s.sock`, ctl: ctlCommand, state: env.XDG_STATE_HOME };
  return runScript(where, steps).catch((error) => {
    throw new Error(`${name}: ${error.message}\n${printed()}`);
  });
}

interface Place {
  readonly dir: string;
  /** Of supervisorctl. */
  readonly conf: string;
  readonly url: string;
  /** For steps that look at the server's process. */
  readonly pid?: number;
  /** Words of another command instead of supervisorctl, and its $XDG_STATE_HOME. */
  readonly ctl?: readonly string[];
  readonly state?: string;
}

/** What came of each step. */
export async function runScript(place: Place, steps: readonly Step[]): Promise<readonly unknown[]> {
  const work = { ...place, programs: PROGRAMS, steps };
  const ran = await run(PYTHON, [DRIVE], JSON.stringify(work), SCRIPT_MS);
  if (ran.status !== 0) throw new Error(`the script failed: ${ran.stderr}`);
  return JSON.parse(ran.stdout);
}

/** TERM, and KILL to its group when it takes too long; its programs have groups of their own, which it ends. */
async function close(child: ChildProcess, ended: Promise<unknown>, dir: string): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(late);
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

const NUMBERS = ['start', 'stop', 'now', 'pid', 'answer'];

/** Without what differs from run to run: process ids, times, directories, and the random part of an AUTO log. */
export function neutral(value: unknown, dir: string): unknown {
  if (typeof value === 'string') return neutralText(value.replaceAll(dir, 'DIR'));
  if (Array.isArray(value)) return value.map((item) => neutral(item, dir));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => {
    if (NUMBERS.includes(key) && typeof item === 'number' && item !== 0) return [key, 'some'];
    return [key, neutral(item, dir)];
  });
  return Object.fromEntries(entries);
}

const neutralText = (text: string): string =>
  text
    .replace(/pid \d+, uptime \d+:\d\d:\d\d/g, 'UP')
    .replace(/\b[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M\b/g, 'WHEN')
    .replace(/(-std(?:out|err)---supervisor-)[\w-]{8}(\.log)/g, '$1RANDOM$2')
    .replace(/^[1-9]\d*$/, 'NUMBER');
