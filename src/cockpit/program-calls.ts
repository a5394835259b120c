// Programs in the live view: what they are doing, their logs, and start, stop, restart, scale.
import type { PoolFace, ProcessHandle, ProcessView } from '../supervise/control/face.ts';
import { fileLogReader } from '../supervise/control/log-reader.ts';
import { CallError, type Fields, words } from './call-input.ts';
import type { CockpitFace, Outcome } from './face.ts';
import { processUsage } from './process-usage.ts';

/** With what it uses of the machine; null where that is not known. */
export interface ProcessSight extends ProcessView {
  readonly cpuMs: number | null;
  readonly memoryBytes: number | null;
}

export interface ProgramView {
  readonly program: string;
  readonly processes: readonly ProcessSight[];
}

export interface ProgramLog {
  readonly text: string;
  /** null: its lines go where lbproxy's own go. */
  readonly path: string | null;
}

const MAX_LOG_BYTES = 1024 * 1024;

export async function programViews({ programs }: CockpitFace): Promise<readonly ProgramView[]> {
  if (programs === null) return [];
  await programs.countInFlight();
  const handles = programs.groups().flatMap(({ processes }) => processes);
  const views = await Promise.all(
    handles.map(async ({ view }) => ({ ...view, ...(await processUsage(view.pid)) })),
  );
  return [...Map.groupBy(views, ({ program }) => program)].map(([program, processes]) => ({
    program,
    processes,
  }));
}

export async function programCall(
  face: CockpitFace,
  given: Fields,
): Promise<Outcome & { readonly lines: string[] }> {
  const { command, name } = words(given, 'command', 'name');
  const pool = poolOf(face);
  const lines: string[] = [];
  const tell = (line: string): void => void lines.push(line);
  if (command === 'scale') {
    const { count } = given;
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > 1000)
      throw new CallError(400, 'count is a number from 0 to 1000');
    return { ...(await pool.scale(name, count, tell).catch(failed)), lines };
  }
  const handles = handlesOf(pool, name);
  if (command === 'restart') return { ...(await pool.restart(handles, tell).catch(failed)), lines };
  if (command !== 'start' && command !== 'stop')
    throw new CallError(400, `"${command}" is none of start, stop, restart, scale`);
  for (const handle of handles) handle[command]();
  return {
    ok: true,
    text: `${command}: ${handles.length} process${handles.length === 1 ? '' : 'es'}`,
    lines,
  };
}

/** A configuration that cannot be read, for one. */
function failed(error: Error): Outcome {
  return { ok: false, text: error.message };
}

/** The end of a log: `NAME`, with `stream=stderr` and `bytes=` in the query. */
export async function programLog(
  face: CockpitFace,
  name: string,
  query: URLSearchParams,
): Promise<ProgramLog> {
  const [handle] = handlesOf(poolOf(face), name);
  const { stdoutLog, stderrLog } = handle.view;
  const path = query.get('stream') === 'stderr' ? (stderrLog ?? stdoutLog) : (stdoutLog ?? stderrLog);
  if (path === null) return { text: '', path };
  const state = await fileLogReader.state(path);
  if (state.kind !== 'file') return { text: '', path };
  const length = Math.min(Number(query.get('bytes') ?? 65_536) || 65_536, MAX_LOG_BYTES, state.sizeBytes);
  const bytes = await fileLogReader.read(path, state.sizeBytes - length, length);
  return { text: bytes.toString('utf8'), path };
}

function poolOf({ programs }: CockpitFace): PoolFace {
  if (programs === null) throw new CallError(404, 'this configuration has no programs');
  return programs;
}

/** A process by its name or `group:name`, or all of a program. */
function handlesOf(pool: PoolFace, name: string): readonly ProcessHandle[] {
  const all = pool.groups().flatMap(({ processes }) => processes);
  const found = all.filter(
    ({ view }) => view.name === name || `${view.group}:${view.name}` === name || view.program === name,
  );
  if (found.length === 0) throw new CallError(404, `there is no program or process "${name}"`);
  return found;
}
