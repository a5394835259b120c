// The commands of `lbproxy ctl` that XML-RPC has no words for (ctl-protocol.ts), done on the pool.
import type {
  CtlAnswer,
  CtlCommand,
  CtlProcess,
  CtlRequest,
  CtlResult,
  NamesAndWait,
} from './ctl-protocol.ts';
import type { PoolFace, Progress } from './face.ts';
import { FAULTS, RpcFault } from './rpc-faults.ts';
import { describe } from './rpc-info.ts';
import {
  allByName,
  allOf,
  type Named,
  namespec,
  type RpcContext,
  resolve,
  STATE_CODES,
} from './rpc-names.ts';
import * as processes from './rpc-processes.ts';

type Tell = (answer: CtlAnswer) => void;
type Done = Extract<CtlAnswer, { readonly done: true }>;

const WITH_NAMES: readonly string[] = ['start', 'stop', 'restart', 'update', 'drain', 'undrain', 'status'];
const WITHOUT: readonly string[] = ['reopen', 'reload', 'shutdown', 'info'];

/** The command, or what is wrong with it. */
export function readCtlRequest(body: string): CtlRequest | string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return 'the body is no JSON';
  }
  const { command, args = {} } = (value ?? {}) as { readonly command?: unknown; readonly args?: unknown };
  if (typeof command !== 'string' || typeof args !== 'object' || args === null)
    return 'the body is no {"command": …, "args": {…}}';
  return readArgs(command, args as Readonly<Record<string, unknown>>);
}

function readArgs(command: string, args: Readonly<Record<string, unknown>>): CtlRequest | string {
  const { names = [], wait = true, program, count } = args;
  if (typeof wait !== 'boolean') return `"wait" of ${command} is neither true nor false`;
  if (command === 'scale') {
    if (typeof program !== 'string' || !Number.isInteger(count) || typeof count !== 'number' || count < 0)
      return '"scale" needs "program", a name, and "count", a number of processes';
    return { command, args: { program, count, wait } };
  }
  if (WITHOUT.includes(command)) return { command: command as 'info', args: {} };
  if (!WITH_NAMES.includes(command)) return `there is no command "${command}"`;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    return `"names" of ${command} is no list of names`;
  if (names.length === 0 && command !== 'status' && command !== 'update')
    return `${command} needs a name; "all" stands for all processes`;
  return { command: command as 'start', args: { names, wait } };
}

/** Does it, telling what happens on the way. */
export async function runCtl(
  cx: RpcContext,
  version: string,
  request: CtlRequest,
  tell: Tell,
): Promise<CtlAnswer> {
  const { pool } = cx;
  if (pool.state !== 'RUNNING' && request.command !== 'info' && request.command !== 'status')
    return done(
      false,
      pool.state === 'RESTARTING'
        ? 'all programs are being started anew: try again in a moment'
        : 'lbproxy is about to end: nothing more is done',
    );
  const line = (text: string): void => tell({ line: text });
  switch (request.command) {
    case 'status':
      await pool.countInFlight();
      return status(cx, request.args.names, tell);
    case 'start':
    case 'stop':
      return startOrStop(cx, request.command, request.args, tell);
    case 'restart':
      for (const file of pool.changedFiles())
        line(`${file} was changed after it was read: "update" takes that over, "restart" does not`);
      return withMembers(pool, request, tell, (members) =>
        pool.restart(
          members.map(({ process }) => process),
          line,
        ),
      );
    case 'drain':
    case 'undrain':
      return withMembers(pool, request, tell, (members) => drain(pool, members, request.command === 'drain'));
    case 'update':
      return within(request.args.wait, pool.update(request.args.names, line));
    case 'scale':
      return within(request.args.wait, pool.scale(request.args.program, request.args.count, line));
    case 'reopen':
      return within(true, pool.reopenLogs());
    case 'reload':
      pool.restartAll();
      return done(true, 'all programs stop and start anew');
    case 'shutdown':
      pool.shutdown();
      return done(true, 'lbproxy ends');
    case 'info':
      return { done: true, ok: true, text: '', data: info(pool, version) };
  }
}

function done(ok: boolean, text: string): Done {
  return { done: true, ok, text, data: null };
}

/** Without waiting, how it ends is only in the log. */
async function within(wait: boolean, work: Promise<Progress>): Promise<Done> {
  const ended = work.catch((error: unknown) => ({
    ok: false,
    text: error instanceof Error ? error.message : String(error),
  }));
  if (!wait) return done(true, 'begun');
  const { ok, text } = await ended;
  return done(ok, text);
}

function info(pool: PoolFace, version: string): Done['data'] {
  const groups = pool.groups().map(({ plan }) => plan.name);
  const { identifier, state, mainLog } = pool;
  return { kind: 'info', version, pid: process.pid, identifier, state, mainLog, groups };
}

interface Selection {
  readonly members: readonly Named[];
  /** Those that were named each, not as members of a group. */
  readonly single: ReadonlySet<string>;
  readonly missing: readonly CtlResult[];
}

/** Each process once, in the order of priority; `all` stands for all. */
function select(pool: PoolFace, names: readonly string[]): Selection {
  const chosen = new Set<string>();
  const single = new Set<string>();
  const missing: CtlResult[] = [];
  const everyone = processes.everyone(pool);
  for (const name of names) {
    if (name === 'all') {
      for (const member of everyone) chosen.add(member.name);
      continue;
    }
    try {
      const found = resolve(pool, name);
      const members = found.process === null ? allOf([found.group]) : [found];
      for (const member of members) chosen.add(specOf(member));
      if (found.process !== null) single.add(specOf(found));
    } catch (error) {
      if (!(error instanceof RpcFault)) throw error;
      missing.push(missingResult(name, error));
    }
  }
  return { members: everyone.filter(({ name }) => chosen.has(name)), single, missing };
}

const specOf = ({ group, process }: Named): string => namespec(group.plan.name, process.view.name);

function missingResult(name: string, { code, message }: RpcFault): CtlResult {
  const colon = name.indexOf(':');
  const group = colon < 0 ? name : name.slice(0, colon);
  const last = colon < 0 ? name : name.slice(colon + 1);
  return { group, name: last === '*' ? '' : last, status: code, description: message, problem: null };
}

function status(cx: RpcContext, names: readonly string[], tell: Tell): Done {
  const { members, missing } = select(cx.pool, names.length === 0 ? ['all'] : names);
  for (const result of missing) tell({ result });
  const chosen = new Set(members.map(({ name }) => name));
  const nowMs = Date.now();
  const list = allByName(cx.pool)
    .filter(({ name }) => chosen.has(name))
    .map(
      ({ process, name }): CtlProcess => ({
        ...process.view,
        namespec: name,
        description: describe(process.view, nowMs),
        stateCode: STATE_CODES[process.view.state],
      }),
    );
  return { done: true, ok: missing.length === 0, text: '', data: { kind: 'status', processes: list } };
}

async function startOrStop(
  cx: RpcContext,
  command: CtlCommand,
  args: NamesAndWait,
  tell: Tell,
): Promise<Done> {
  const { members, single, missing } = select(cx.pool, args.names);
  for (const result of missing) tell({ result });
  const starts = command === 'start';
  const applies = (m: Named): boolean =>
    single.has(m.name) || (starts ? processes.isDown(m) : processes.isUp(m));
  const wanted = members.filter(applies);
  const results = starts
    ? await processes.startMany(cx, wanted, args.wait, () => true)
    : await processes.stopMany(cx, wanted, args.wait, () => true);
  let ok = missing.length === 0;
  for (const result of results) {
    const member = wanted.find(
      (m) => m.group.plan.name === result.group && m.process.view.name === result.name,
    );
    const failed = result.status !== FAULTS.SUCCESS;
    if (failed) ok = false;
    const problem = failed ? (member?.process.view.problem ?? null) : null;
    tell({ result: { ...result, problem } });
  }
  return done(ok, '');
}

async function withMembers(
  pool: PoolFace,
  request: CtlRequest & { readonly args: NamesAndWait },
  tell: Tell,
  work: (members: readonly Named[]) => Promise<Progress>,
): Promise<Done> {
  const { members, missing } = select(pool, request.args.names);
  for (const result of missing) tell({ result });
  if (members.length === 0) return done(false, 'there is no such process');
  const end = await within(request.args.wait, work(members));
  return missing.length === 0 ? end : { ...end, ok: false };
}

/** All at once; what went wrong with any of them is told. */
async function drain(pool: PoolFace, members: readonly Named[], on: boolean): Promise<Progress> {
  const all = await Promise.all(members.map(({ process }) => pool.drain(process, on)));
  return {
    ok: all.every(({ ok }) => ok),
    text: all
      .map(({ text }) => text)
      .filter((t) => t !== '')
      .join(', '),
  };
}
