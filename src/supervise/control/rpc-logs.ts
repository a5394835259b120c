// Reading and clearing logs over XML-RPC: Supervisor's arithmetic of offsets, negative ones included.
import { FAULTS, PythonError, RpcFault } from './rpc-faults.ts';
import { checkUp, type RpcContext, resolveProcess } from './rpc-names.ts';
import { everyone, type ProcessResult, resultOf } from './rpc-processes.ts';
import { asInteger, type RpcValue } from './rpc-values.ts';
import type { RpcAnswer } from './xmlrpc-codec.ts';

export type Channel = 'stdout' | 'stderr';

/** More than this is not answered at once; the caller goes on from where it ended. */
const MAX_READ_BYTES = 16 * 1024 * 1024;

export async function readMainLog(cx: RpcContext, [offset, length]: readonly RpcValue[]): Promise<RpcAnswer> {
  checkUp(cx.pool);
  return readLog(cx, cx.pool.mainLog, offset, length);
}

export function readProcessLog(channel: Channel) {
  return async (cx: RpcContext, [name, offset, length]: readonly RpcValue[]): Promise<RpcAnswer> => {
    checkUp(cx.pool);
    return readLog(cx, logOf(cx, name, channel), offset, length);
  };
}

function logOf(cx: RpcContext, name: RpcValue, channel: Channel): string | null {
  const { view } = resolveProcess(cx.pool, name).process;
  return channel === 'stdout' ? view.stdoutLog : view.stderrLog;
}

async function readLog(
  cx: RpcContext,
  path: string | null,
  offsetValue: RpcValue,
  lengthValue: RpcValue,
): Promise<string> {
  const state = path === null ? { kind: 'missing' as const } : await cx.logs.state(path);
  if (path === null || state.kind === 'missing') throw new RpcFault(FAULTS.NO_FILE, path ?? undefined);
  const [offset, length] = [numberAsFault(offsetValue), numberAsFault(lengthValue)];
  if (state.kind === 'unreadable') throw new RpcFault(FAULTS.FAILED);
  if (offset < 0 ? length !== 0 : length < 0) throw new RpcFault(FAULTS.BAD_ARGUMENTS);
  // A negative offset counts from the end; a length of 0 is all the rest.
  const from = offset < 0 ? Math.max(0, state.sizeBytes + offset) : offset;
  const wanted = offset < 0 ? -offset : length === 0 ? MAX_READ_BYTES : length;
  return textOf(cx, path, from, Math.min(wanted, MAX_READ_BYTES));
}

/** Bytes that are no UTF-8, also a character cut in two by an offset, become U+FFFD. */
async function textOf(cx: RpcContext, path: string, offset: number, length: number): Promise<string> {
  const bytes = await cx.logs.read(path, offset, length).catch(() => {
    throw new RpcFault(FAULTS.FAILED);
  });
  return bytes.toString('utf8');
}

/** Supervisor takes the complaint about a text that is no number for the name of a fault. */
function numberAsFault(value: RpcValue): number {
  try {
    return asInteger(value);
  } catch (error) {
    if (!(error instanceof PythonError) || error.kind !== 'ValueError') throw error;
    throw new PythonError('AttributeError', `type object 'Faults' has no attribute '${error.message}'`);
  }
}

/** [text, size of the log, whether there was more before it than was asked for]. */
export function tailProcessLog(channel: Channel) {
  return async (cx: RpcContext, [name, offset, length]: readonly RpcValue[]): Promise<RpcAnswer> => {
    checkUp(cx.pool);
    const path = logOf(cx, name, channel);
    const state = path === null ? { kind: 'missing' as const } : await cx.logs.state(path);
    if (path === null || state.kind === 'missing') return ['', 0, false];
    const [from, wanted] = [asInteger(offset), asInteger(length)];
    if (state.kind === 'unreadable') return ['', from, false];
    const piece = tailOf(state.sizeBytes, from, wanted);
    if (piece.length === 0) return ['', state.sizeBytes, piece.overflow];
    const text = await textOf(cx, path, piece.offset, Math.min(piece.length, MAX_READ_BYTES));
    return [text, state.sizeBytes, piece.overflow];
  };
}

/** Where to read of a log of `size` bytes. */
export function tailOf(
  size: number,
  offset: number,
  length: number,
): { readonly offset: number; readonly length: number; readonly overflow: boolean } {
  const overflow = size > offset + length;
  let from = overflow ? size - 1 : offset;
  let wanted = length;
  if (from + wanted > size) {
    if (from > size - 1) wanted = 0;
    from = size - wanted;
  }
  return { offset: Math.max(0, from), length: Math.max(0, wanted), overflow };
}

export async function clearMainLog(cx: RpcContext): Promise<RpcAnswer> {
  checkUp(cx.pool);
  const path = cx.pool.mainLog;
  if (path === null || (await cx.logs.state(path)).kind === 'missing') throw new RpcFault(FAULTS.NO_FILE);
  await cx.pool.clearMainLog().catch(() => {
    throw new RpcFault(FAULTS.FAILED);
  });
  return true;
}

export async function clearProcessLogs(cx: RpcContext, [name]: readonly RpcValue[]): Promise<true> {
  checkUp(cx.pool);
  const { process, name: called } = resolveProcess(cx.pool, name);
  // Supervisor has a log open only while its process runs; that of a stopped one stays, and this says so no more than it does.
  if (process.view.pid === 0) return true;
  await process.clearLogs().catch(() => {
    throw new RpcFault(FAULTS.FAILED, called);
  });
  return true;
}

export async function clearAllProcessLogs(cx: RpcContext): Promise<ProcessResult[]> {
  checkUp(cx.pool);
  const results: ProcessResult[] = [];
  for (const member of everyone(cx.pool)) {
    try {
      await clearProcessLogs(cx, [member.name]);
      results.push(resultOf(member, 'done'));
    } catch (error) {
      if (!(error instanceof RpcFault)) throw error;
      results.push(resultOf(member, error));
    }
  }
  return results;
}
