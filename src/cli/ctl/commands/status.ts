// status: what runs, in columns. --wide and --json ask lbproxy for what only it knows; --wait waits while something is STARTING.
import type { CtlProcess } from '../../../supervise/control/ctl-protocol.ts';
import { statusLines, type WideRow, wideLines } from '../format.ts';
import { makeNamespec, splitNamespec, wordsOf } from '../namespec.ts';
import { EXIT, type Session } from '../session.ts';
import { Interrupted } from '../transport.ts';
import type { ProcessInfo } from '../xmlrpc-client.ts';

const POLL_MS = 100;
const WAIT_LIMIT_MS = 60_000;

/** STOPPED, EXITED, FATAL, UNKNOWN. */
const STOPPED_STATES: readonly number[] = [0, 100, 200, 1000];

export async function status(session: Session, arg: string): Promise<void> {
  if (!(await session.upcheck())) {
    session.exitStatus = EXIT.statusUnknown;
    return;
  }
  const infos = await settled(session);
  const { found, errors } = matching(infos, wordsOf(arg));
  for (const error of errors) {
    session.output(error);
    session.exitStatus = EXIT.statusUnknown;
  }
  const { wide, json } = session.flags;
  if (wide || json) await showWide(session, found, errors);
  else session.table(statusLines(found.map(plainRow)));
  if (found.some(({ state }) => STOPPED_STATES.includes(state))) session.exitStatus = EXIT.statusStopped;
}

/** With --wait: once nothing is STARTING, or the time is over. */
async function settled(session: Session): Promise<readonly ProcessInfo[]> {
  const infos = await session.call('getAllProcessInfo');
  if (!session.flags.wait) return infos;
  const end = Date.now() + (session.flags.timeoutMs ?? WAIT_LIMIT_MS);
  let latest = infos;
  while (latest.some(({ statename }) => statename === 'STARTING') && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (session.interrupted) throw new Interrupted();
    latest = await session.call('getAllProcessInfo');
  }
  return latest;
}

interface Matching {
  readonly found: readonly ProcessInfo[];
  readonly errors: readonly string[];
}

/** In the order of the names; one that is named twice is shown twice. */
function matching(infos: readonly ProcessInfo[], names: readonly string[]): Matching {
  if (names.length === 0 || names.includes('all')) return { found: infos, errors: [] };
  const found: ProcessInfo[] = [];
  const errors: string[] = [];
  for (const name of names) {
    const { group, process } = splitNamespec(name);
    const matched = infos.filter((i) => i.group === group && (process === null || i.name === process));
    found.push(...matched);
    if (matched.length > 0) continue;
    errors.push(process === null ? `${group}: ERROR (no such group)` : `${name}: ERROR (no such process)`);
  }
  return { found, errors };
}

function plainRow(info: ProcessInfo) {
  return {
    name: makeNamespec(info.group, info.name),
    state: info.statename,
    description: info.description,
  };
}

async function showWide(
  session: Session,
  infos: readonly ProcessInfo[],
  errors: readonly string[],
): Promise<void> {
  const views = await viewsOf(session);
  const rows = infos.map((info) => ({ info, view: views.get(`${info.group}\0${info.name}`) }));
  if (session.flags.json) {
    session.document = { processes: rows.map(({ info, view }) => documentOf(info, view)), errors };
    return;
  }
  const lines = rows.map(
    ({ info, view }): WideRow => ({
      ...plainRow(info),
      port: view?.port ?? null,
      ready: view?.ready ?? null,
      inFlight: view?.inFlight ?? null,
      restarts: view?.restarts ?? null,
    }),
  );
  session.table(wideLines(lines));
}

/** What lbproxy says of its processes; empty for a supervisord. */
async function viewsOf(session: Session): Promise<ReadonlyMap<string, CtlProcess>> {
  const { pool } = session;
  if ((await pool.info()) === null) return new Map();
  const { data } = await pool.request(
    { command: 'status', args: { names: [] } },
    { line: () => {}, result: () => {} },
  );
  const processes = data?.kind === 'status' ? data.processes : [];
  return new Map(processes.map((view) => [`${view.group}\0${view.name}`, view]));
}

function documentOf(info: ProcessInfo, view: CtlProcess | undefined) {
  return {
    name: makeNamespec(info.group, info.name),
    group: info.group,
    process: info.name,
    state: info.statename,
    description: info.description,
    pid: info.pid === 0 ? null : info.pid,
    uptimeSeconds: info.pid === 0 ? null : Math.max(0, info.now - info.start),
    startedAt: isoOf(info.start),
    stoppedAt: isoOf(info.stop),
    exitStatus: info.stop === 0 ? null : info.exitstatus,
    problem: view?.problem ?? (info.spawnerr === '' ? null : info.spawnerr),
    stdoutLog: info.stdout_logfile === '' ? null : info.stdout_logfile,
    stderrLog: info.stderr_logfile === '' ? null : info.stderr_logfile,
    port: view?.port ?? null,
    ready: view?.ready ?? null,
    inFlight: view?.inFlight ?? null,
    restarts: view?.restarts ?? null,
  };
}

const isoOf = (seconds: number): string | null =>
  seconds === 0 ? null : new Date(seconds * 1000).toISOString();
