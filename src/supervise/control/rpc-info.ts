// What XML-RPC tells of processes and their configuration, in Supervisor's fields and words.
import { constants } from 'node:os';
import type { LogTarget, ProcessSpec, StreamPlan } from '../plan.ts';
import type { ConfiguredGroup, PoolFace, ProcessView } from './face.ts';
import { byCodePoint, findGroup, STATE_CODES } from './rpc-names.ts';
import type { RpcAnswer } from './xmlrpc-codec.ts';

export function processInfo(view: ProcessView, nowMs: number): { readonly [key: string]: RpcAnswer } {
  return {
    name: view.name,
    group: view.group,
    start: seconds(view.startedAtMs),
    stop: seconds(view.stoppedAtMs),
    now: seconds(nowMs),
    state: STATE_CODES[view.state],
    statename: view.state,
    spawnerr: view.spawnError,
    // Of the process that is, not of the one before.
    exitstatus: view.state === 'EXITED' || view.state === 'STOPPED' ? view.exitStatus : 0,
    logfile: view.stdoutLog ?? '',
    stdout_logfile: view.stdoutLog ?? '',
    stderr_logfile: view.stderrLog ?? '',
    pid: view.pid,
    description: describe(view, nowMs),
  };
}

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** The last column of `supervisorctl status`. */
export function describe(view: ProcessView, nowMs: number): string {
  switch (view.state) {
    case 'RUNNING':
      return `pid ${view.pid}, uptime ${uptime(seconds(nowMs) - seconds(view.startedAtMs))}`;
    case 'FATAL':
    case 'BACKOFF':
      return view.spawnError === '' ? `unknown error (try "tail ${view.name}")` : view.spawnError;
    case 'STOPPED':
    case 'EXITED':
      return seconds(view.startedAtMs) === 0 ? 'Not started' : endedAt(seconds(view.stoppedAtMs));
    default:
      return '';
  }
}

/** As Python writes a timedelta: `0:02:18`, `1 day, 3:00:00`. */
function uptime(total: number): string {
  const left = Math.max(0, total);
  const days = Math.floor(left / 86_400);
  const two = (n: number): string => String(n % 60).padStart(2, '0');
  const time = `${Math.floor((left % 86_400) / 3600)}:${two(Math.floor(left / 60))}:${two(left)}`;
  if (days === 0) return time;
  return `${days} day${days === 1 ? '' : 's'}, ${time}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Nov 26 12:30 PM` in local time. */
function endedAt(atSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  const hour = date.getHours() % 12 || 12;
  const half = date.getHours() < 12 ? 'AM' : 'PM';
  return `${MONTHS[date.getMonth()]} ${two(date.getDate())} ${two(hour)}:${two(date.getMinutes())} ${half}`;
}

/** Every process of the configuration, sorted by name; what is not set is 'none' or 'auto'. */
export function allConfigInfo(pool: PoolFace): RpcAnswer {
  return pool
    .configured()
    .flatMap((group) => group.plan.processes.map((process) => configInfo(pool, group, process)))
    .sort((a, b) => byCodePoint(a.name, b.name));
}

function configInfo(
  pool: PoolFace,
  group: ConfiguredGroup,
  process: ProcessSpec,
): { readonly name: string; readonly [key: string]: RpcAnswer } {
  const { launch, policy, output } = process;
  const written = group.written(process);
  // An AUTO log has its path only once the group as it is here runs.
  const running = findGroup(pool, group.plan.name);
  const view =
    running?.plan === group.plan
      ? running.processes.find((p) => p.view.name === launch.name)?.view
      : undefined;
  const stderr = output.redirectStderr ? 'none' : pathOf(output.stderr.target, view?.stderrLog);
  return {
    autostart: policy.autostart,
    directory: written.directory ?? 'none',
    uid: launch.user?.uid ?? 'none',
    command: launch.command,
    exitcodes: policy.exitcodes,
    group: group.plan.name,
    group_prio: group.plan.priority,
    inuse: group.inUse,
    killasgroup: policy.killAsGroup,
    name: launch.name,
    process_prio: policy.priority,
    redirect_stderr: output.redirectStderr,
    startretries: policy.giveUpAfter ?? 'none',
    startsecs: seconds(policy.startMs),
    ...streamInfo('stdout', output.stdout, pathOf(output.stdout.target, view?.stdoutLog)),
    stopsignal: constants.signals[policy.stopSignal],
    stopwaitsecs: seconds(policy.stopWaitMs),
    ...streamInfo('stderr', output.stderr, stderr),
    serverurl: written.serverUrl ?? 'none',
  };
}

function streamInfo(channel: string, plan: StreamPlan, path: string): { readonly [key: string]: RpcAnswer } {
  return {
    [`${channel}_capture_maxbytes`]: plan.captureMaxBytes,
    [`${channel}_events_enabled`]: plan.events,
    [`${channel}_logfile`]: path,
    [`${channel}_logfile_backups`]: plan.backups,
    [`${channel}_logfile_maxbytes`]: plan.maxBytes,
    [`${channel}_syslog`]: plan.syslog,
  };
}

function pathOf(target: LogTarget, autoPath: string | null | undefined): string {
  if (target.kind === 'file') return target.shown ?? target.path;
  return target.kind === 'auto' ? (autoPath ?? 'auto') : 'none';
}
