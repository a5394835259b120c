// What only lbproxy can do: scale, drain, undrain, reopen; and the way any command of it is asked and told.
import type { CtlRequest, CtlResult } from '../../../supervise/control/ctl-protocol.ts';
import { FAULTS } from '../../../supervise/control/rpc-faults.ts';
import { makeNamespec, wordsOf } from '../namespec.ts';
import { EXIT, type Session } from '../session.ts';
import { STARTED, STOPPED } from './results.ts';

/** Prints lines and results as they come, then the sum of it. */
export async function askPool(session: Session, request: CtlRequest): Promise<void> {
  const words = WORDS[request.command] ?? null;
  let failures = 0;
  let told = false;
  const done = await session.pool.request(request, {
    line: (text) => {
      told = true;
      session.output(text);
    },
    result: (result) => {
      told = true;
      if (result.status !== FAULTS.SUCCESS) failures++;
      tellResult(session, result, words);
    },
  });
  // Where each failure was told, its sum says nothing new.
  if (done.text !== '' && (done.ok || failures === 0))
    session.output(done.ok ? done.text : `ERROR: ${done.text}`);
  else if (done.ok && !told) tellDone(session, request);
  if (!done.ok && session.exitStatus === EXIT.ok) session.exitStatus = EXIT.failed;
}

/** What is said of a process with which all went well; commands that print a line for each say no more. */
const WORDS: Partial<Record<CtlRequest['command'], string>> = { drain: 'drained', undrain: 'undrained' };

/** A command whose server has nothing to say of it was done nevertheless. `update` says nothing where nothing changed, as ever. */
function tellDone(session: Session, request: CtlRequest): void {
  if (request.command === 'scale') session.output(`${request.args.program}: scaled to ${request.args.count}`);
  if (request.command !== 'drain' && request.command !== 'undrain') return;
  for (const name of request.args.names) session.output(`${name}: ${request.command}ed`);
}

function tellResult(session: Session, result: CtlResult, success: string | null): void {
  const { group, name, status, description, problem } = result;
  const namespec = makeNamespec(group, name === '' ? '*' : name);
  if (status === FAULTS.SUCCESS) {
    if (success !== null) session.output(`${namespec}: ${success}`);
  } else if (status === FAULTS.BAD_NAME && name === '') session.output(`${group}: ERROR (no such group)`);
  else session.output(`${namespec}: ERROR (${REASONS[status] ?? description})`);
  if (problem !== null) session.hint(`${namespec}: ${problem}`);
  session.statusOf(status);
}

const REASONS: Readonly<Record<number, string>> = { ...STOPPED.errors, ...STARTED.errors };

/** Whether the server is lbproxy; says so where it is not. */
async function isLbproxy(session: Session, command: string): Promise<boolean> {
  if (!(await session.upcheck())) return false;
  if ((await session.pool.info()) !== null) return true;
  session.output(`ERROR: ${command} is a command of lbproxy, and ${session.server.url} is a supervisord`);
  session.exitStatus = EXIT.unimplemented;
  return false;
}

export async function scale(session: Session, arg: string): Promise<void> {
  const [program, count, ...rest] = wordsOf(arg);
  if (count === undefined || rest.length > 0 || !/^\d{1,6}$/.test(count))
    return session.refuse('Error: scale requires a program and a number of processes', 'scale');
  if (!(await isLbproxy(session, 'scale'))) return;
  const wait = !session.flags.noWait;
  await askPool(session, { command: 'scale', args: { program, count: Number(count), wait } });
}

export function drain(session: Session, arg: string): Promise<void> {
  return inOrOut(session, 'drain', arg);
}

export function undrain(session: Session, arg: string): Promise<void> {
  return inOrOut(session, 'undrain', arg);
}

async function inOrOut(session: Session, command: 'drain' | 'undrain', arg: string): Promise<void> {
  const names = wordsOf(arg);
  if (names.length === 0) return session.refuse(`Error: ${command} requires a process name`, command);
  if (!(await isLbproxy(session, command))) return;
  await askPool(session, { command, args: { names, wait: !session.flags.noWait } });
}

export async function reopen(session: Session, arg: string): Promise<void> {
  if (arg !== '') return session.refuse('Error: reopen accepts no arguments', 'reopen');
  if (!(await isLbproxy(session, 'reopen'))) return;
  await askPool(session, { command: 'reopen', args: {} });
}
