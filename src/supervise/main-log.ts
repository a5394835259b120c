// The log of a supervisord.conf ([supervisord] logfile): what becomes of its processes, in Supervisor's words and form, which scripts and
// `supervisorctl maintail` read. What lbproxy itself has to say is in its own error log.
import type { ProcessLog } from './logs/process-log.ts';
import type { ProgramLogs } from './logs/program-logs.ts';
import type { MainLogLimits, PoolPlan, StreamPlan } from './plan.ts';
import type { Slot } from './slot.ts';
import type { StateChange } from './slot-host.ts';

type Plan = Pick<PoolPlan, 'logFile' | 'logFileLimits'>;
type Level = 'info' | 'warn';

const MARKS = { info: 'INFO', warn: 'WARN' } as const;
/** The levels of [supervisord] loglevel at which a message of that level is written. */
const WRITTEN: Readonly<Record<Level, readonly MainLogLimits['level'][]>> = {
  info: ['info', 'debug', 'trace', 'blather'],
  warn: ['warn', 'info', 'debug', 'trace', 'blather'],
};

export class MainLog {
  readonly #logs: ProgramLogs;
  #plan: Plan;
  #log: ProcessLog | null = null;

  constructor(logs: ProgramLogs, plan: Plan) {
    this.#logs = logs;
    this.#plan = plan;
    this.#open();
  }

  /** From now on it goes there. */
  use(plan: Plan): void {
    const isSame = plan.logFile === this.#plan.logFile;
    this.#plan = plan;
    const stream = streamOf(plan);
    if (isSame && stream !== null) return this.#log?.change(stream);
    if (isSame) return;
    this.#log?.end();
    this.#log = null;
    this.#open();
  }

  #open(): void {
    const stream = streamOf(this.#plan);
    if (stream !== null)
      this.#log = this.#logs.open({ group: '', program: '', name: 'supervisord' }, 'stdout', stream);
  }

  write(level: Level, text: string): void {
    if (this.#log === null || !WRITTEN[level].includes(this.#plan.logFileLimits.level)) return;
    // Nothing is held back for it: a state is told when it is.
    void this.#log.write(Buffer.from(`${timeText(new Date())} ${MARKS[level]} ${text}\n`));
  }

  /** Rejects with the reason. */
  async clear(): Promise<void> {
    const { logFile } = this.#plan;
    if (logFile !== null) await this.#logs.clear(logFile);
  }

  launched({ spec }: Slot, pid: number): void {
    if (this.#log !== null) this.write('info', `spawned: '${spec.launch.name}' with pid ${pid}`);
  }

  onState({ slot, from, to, expected }: StateChange<Slot>): void {
    if (this.#log === null) return;
    const { launch, policy } = slot.spec;
    const { name } = launch;
    const how = endText(slot);
    if (to === 'RUNNING') {
      const startSecs = policy.startMs / 1000;
      const text = `process has stayed up for > than ${startSecs} seconds (startsecs)`;
      this.write('info', `success: ${name} entered RUNNING state, ${text}`);
    } else if (to === 'BACKOFF' && how === null) this.write('info', `spawnerr: ${slot.view.spawnError}`);
    else if (to === 'BACKOFF') this.write('warn', `exited: ${name} (${how}; not expected)`);
    else if (to === 'EXITED')
      this.write(
        expected ? 'info' : 'warn',
        `exited: ${name} (${how}; ${expected ? 'expected' : 'not expected'})`,
      );
    else if (to === 'FATAL')
      this.write('info', `gave up: ${name} entered FATAL state, too many start retries too quickly`);
    else if (to === 'STOPPING') this.write('info', `waiting for ${name} to stop`);
    else if (to === 'STOPPED' && from === 'STOPPING')
      this.write(expected ? 'info' : 'warn', `stopped: ${name} (${how ?? 'it was not started'})`);
  }
}

function endText({ lastEnd }: Slot): string | null {
  if (lastEnd === null) return null;
  return lastEnd.signal === null ? `exit status ${lastEnd.code}` : `terminated by ${lastEnd.signal}`;
}

function streamOf({ logFile, logFileLimits }: Plan): StreamPlan | null {
  if (logFile === null) return null;
  const { maxBytes, backups } = logFileLimits;
  const target = { kind: 'file', path: logFile } as const;
  return { ...PLAIN, target, maxBytes, backups };
}

const PLAIN = {
  syslog: false,
  daily: false,
  gzip: false,
  totalBytes: 0,
  captureMaxBytes: 0,
  events: false,
  stripAnsi: false,
} as const;

/** `2026-11-26 12:30:01,042` in local time. */
function timeText(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time},${String(date.getMilliseconds()).padStart(3, '0')}`;
}
