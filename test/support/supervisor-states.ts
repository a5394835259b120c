// Which states Supervisor, or lbproxy, takes the processes of a configuration through: written down by an event listener that is added.
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PYTHON, type SupervisorReference, startSupervisor } from './supervisor.ts';

/** Small programs that behave in one way each; the comments at their beginning tell their arguments. */
export const PROGRAMS = fileURLToPath(new URL('./programs', import.meta.url));

/** Steps of each process by `group:name`, in order: `STOPPED → STARTING tries:0`, `RUNNING → EXITED expected:0`. */
export type RecordedStates = Readonly<Record<string, readonly string[]>>;

const RECORDER = 'lbproxy-recorder';

/**
 * Runs sections of a supervisord.conf under Debian's supervisord (or what `start` starts in its place) for so long and says what happened. In the text, `{dir}` is a directory
 * of its own, `{programs}` the one of the small programs. `act` drives it meanwhile; it stops once both are over, and what happens then
 * is not recorded.
 */
export async function recordSupervisor(
  conf: string,
  durationMs: number,
  act: (supervisor: SupervisorReference) => Promise<void> = async () => undefined,
  start = startSupervisor,
): Promise<RecordedStates> {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-states-'));
  const file = join(dir, 'states.jsonl');
  const supervisor = await start(`${expandPlaces(conf, dir)}\n${recorder(file)}`, dir);
  try {
    await Promise.all([act(supervisor), new Promise((resolve) => setTimeout(resolve, durationMs))]);
    await untilQuiet(file);
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
events=PROCESS_STATE
buffer_size=10000
priority=-10
startsecs=0
`;
}

/** The listener is behind supervisord by moments. */
async function untilQuiet(file: string): Promise<void> {
  for (let size = -1, i = 0; i < 20; i++) {
    const now = existsSync(file) ? readFileSync(file).length : 0;
    if (now === size) return;
    size = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function statesOf(file: string): RecordedStates {
  const states: Record<string, string[]> = {};
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  for (const line of lines) {
    const event = JSON.parse(line) as Readonly<Record<string, string>>;
    if (event.groupname === RECORDER) continue;
    const details = ['tries', 'expected'].flatMap((key) =>
      event[key] === undefined ? [] : [` ${key}:${event[key]}`],
    );
    const key = `${event.groupname}:${event.processname}`;
    states[key] ??= [];
    states[key].push(`${event.from_state} → ${event.to}${details.join('')}`);
  }
  return states;
}
