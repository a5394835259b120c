// Which states Supervisor, or lbproxy, takes the processes of a configuration through: written down by an event listener that is added.
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './http-client.ts';
import { PYTHON, type SupervisorReference, startSupervisor } from './supervisor.ts';

/** Small programs that behave in one way each; the comments at their beginning tell their arguments. */
export const PROGRAMS = fileURLToPath(new URL('./programs', import.meta.url));

/** Steps of each process by `group:name`, in order: `STOPPED → STARTING tries:0`, `RUNNING → EXITED expected:0`. */
export type RecordedStates = Readonly<Record<string, readonly string[]>>;

const RECORDER = 'lbproxy-recorder';
const MARK = 'that-is-all';

/**
 * Runs sections of a supervisord.conf under Debian's supervisord (or what `start` starts in its place) and says what happened. In the text, `{dir}` is a directory
 * of its own, `{programs}` the one of the small programs. `act` drives it, and is told what has happened so far when it asks; it stops
 * once that is over, and what happens then is not recorded.
 */
export async function recordSupervisor(
  conf: string,
  act: (supervisor: SupervisorReference, states: () => RecordedStates) => Promise<void>,
  start = startSupervisor,
): Promise<RecordedStates> {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-states-'));
  const file = join(dir, 'states.jsonl');
  const supervisor = await start(`${expandPlaces(conf, dir)}\n${recorder(file)}`, dir);
  try {
    await act(supervisor, () => statesOf(file));
    await untilTold(supervisor, file);
    return statesOf(file);
  } finally {
    await supervisor.stop();
  }
}

/** `{dir}` and `{programs}` in a configuration. */
export function expandPlaces(conf: string, dir: string): string {
  return conf.replaceAll('{dir}', dir).replaceAll('{programs}', PROGRAMS);
}

/** Started first; its buffer holds what happens before it is ready. */
function recorder(file: string): string {
  return `[eventlistener:${RECORDER}]
command=${PYTHON} ${PROGRAMS}/record-states.py ${file}
events=PROCESS_STATE,REMOTE_COMMUNICATION
buffer_size=10000
priority=-10
startsecs=0
`;
}

/** The listener is behind supervisord by moments: until it has an event that comes behind all others. */
async function untilTold(supervisor: SupervisorReference, file: string): Promise<void> {
  await supervisor.call('supervisor.sendRemoteCommEvent', MARK, '');
  await until(() => linesOf(file).some((line) => line.includes(MARK)), 20_000, 'the last event');
}

/** The last one may be half written. */
function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

function statesOf(file: string): RecordedStates {
  const states: Record<string, string[]> = {};
  for (const line of linesOf(file)) {
    const event = JSON.parse(line) as Readonly<Record<string, string>>;
    if (event.groupname === RECORDER || event.groupname === undefined) continue;
    const details = ['tries', 'expected'].flatMap((key) =>
      event[key] === undefined ? [] : [` ${key}:${event[key]}`],
    );
    const key = `${event.groupname}:${event.processname}`;
    states[key] ??= [];
    states[key].push(`${event.from_state} → ${event.to}${details.join('')}`);
  }
  return states;
}
