// One program of the Model → the processes to run, every text expanded. Pure but for the environment it is given.
import { hostname, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import type { ProgramModel, Settings } from '../config/model.ts';
import { splitCommand } from './command-words.ts';
import { type Expansions, expand } from './expand.ts';
import type { LogSetting } from './logs/rows.ts';
import type { GroupPlan, Launch, OutputPlan, PoolPlan, ProcessSpec, StreamPlan, UserPlan } from './plan.ts';
import type { ProcessPolicy } from './state.ts';

export interface PlanContext {
  /** What relative directories start from; also %(here)s. */
  readonly prefix: string;
  /** Where %(ENV_NAME)s looks; lbproxy's own environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Users of the system by name or number. */
  readonly userOf: (name: string) => UserPlan | undefined;
}

/** The groups of a configuration's program blocks, in the order of their first programs. */
export function planGroups(
  programs: readonly ProgramModel[],
  cx: PlanContext,
  report: (program: ProgramModel, message: string) => void,
): readonly GroupPlan[] {
  const specs = programs.flatMap((program) =>
    planProcesses(program, cx, (message) => report(program, message)),
  );
  return [...Map.groupBy(specs, (spec) => spec.group)].map(([name, processes]) => ({
    name,
    priority: Math.min(...processes.map(({ policy }) => policy.priority)),
    at: processes[0].at,
    processes,
    listener: null,
    socket: null,
  }));
}

/** What there is besides groups, where no supervisord.conf says so. */
export const EMPTY_POOL: PoolPlan = {
  groups: [],
  controlServers: [],
  identifier: 'supervisor',
  childLogDirectory: tmpdir(),
  keepsOldAutoLogs: false,
  logFile: null,
  logFileLimits: { maxBytes: 50 * 1024 * 1024, backups: 10, level: 'info' },
  pidFile: null,
};

/** The processes of a program. Problems are reported once each, however many processes have them. */
export function planProcesses(
  program: ProgramModel,
  cx: PlanContext,
  report: (message: string) => void,
): readonly ProcessSpec[] {
  const said = new Set<string>();
  const reportOnce = (message: string): void => {
    if (!said.has(message)) report(message);
    said.add(message);
  };
  const specs: ProcessSpec[] = [];
  for (let index = 0; index < program.settings.programNumprocs; index++) {
    specs.push(planProcess(program, index, cx, reportOnce));
  }
  return specs;
}

function planProcess(
  program: ProgramModel,
  index: number,
  cx: PlanContext,
  report: (message: string) => void,
): ProcessSpec {
  const s = program.settings;
  const port = s.programFirstPort === null ? null : s.programFirstPort + index;
  const names: Expansions = { values: namesOf(program, index, cx), env: cx.env, port, index };
  const text = (from: string): string => expand(from, names, report);
  const defaultName = s.programNumprocs === 1 ? '%(program_name)s' : '%(program_name)s_%(process_num)02d';
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(s.programEnvironment)) environment[name] = text(value);
  const command = s.programCommand === null ? '' : text(s.programCommand);
  const path = (from: string): string => resolve(cx.prefix, text(from));
  return {
    group: s.programGroup === '' ? program.name : s.programGroup,
    program: program.name,
    index,
    at: program.at,
    launch: {
      name: text(s.programProcessName ?? defaultName),
      dialect: 'lbproxy',
      port,
      argv: wordsOf(s.programCommand === null ? null : command, report),
      command,
      directory: s.programDirectory === null ? cx.prefix : path(s.programDirectory),
      environment,
      ...userOf(s.programUser, cx),
      umask: s.programUmask,
      serverUrl: null,
    },
    policy: policyOf(s, port, path),
    output: outputOf(s, path),
    written: { directory: s.programDirectory === null ? null : path(s.programDirectory), serverUrl: null },
  };
}

/** One program with an unknown user must not keep the others from running: its processes say so. */
function userOf(name: string, cx: PlanContext): Pick<Launch, 'user' | 'problem'> {
  if (name === '') return { user: null, problem: null };
  const user = cx.userOf(name);
  if (user !== undefined) return { user, problem: null };
  return { user: null, problem: `there is no user "${name}" here: create it, or correct user` };
}

function policyOf(s: Settings, port: number | null, path: (from: string) => string): ProcessPolicy {
  return {
    port,
    priority: s.programPriority,
    autostart: s.programAutostart,
    startMs: s.programStartMs,
    stopSignal: s.programStopSignal,
    stopWaitMs: s.programStopWaitMs,
    stopAsGroup: s.programStopAsGroup,
    killAsGroup: s.programKillAsGroup,
    autorestart: s.programAutorestart,
    exitcodes: s.programExitcodes,
    giveUpAfter: s.programGiveUp ? s.programStartretries : null,
    backOff: 'doubling',
    ready: s.programReady ?? (port === null ? { by: 'running' } : { by: 'tcp' }),
    readyGates: true,
    readyTimeoutMs: s.programReadyTimeoutMs,
    readyLostMs: s.programReadyLostMs,
    drainLimitMs: s.programDrainMs,
    dependsOn: s.programDependsOn,
    watch: s.programWatch.map(path),
    maxMemoryBytes: s.programMaxMemoryBytes,
    maxUnavailable: s.programMaxUnavailable,
    slowStartMs: s.programSlowStartMs,
  };
}

function outputOf(s: Settings, path: (from: string) => string): OutputPlan {
  const common = {
    daily: s.programLogDaily,
    gzip: s.programLogCompress,
    totalBytes: s.programLogTotalBytes,
    captureMaxBytes: 0,
    events: false,
    stripAnsi: false,
  };
  const target = (log: LogSetting): Pick<StreamPlan, 'target' | 'syslog'> => {
    if (log.kind === 'syslog') return { target: { kind: 'none' }, syslog: true };
    return { target: log.kind === 'file' ? { kind: 'file', path: path(log.path) } : log, syslog: false };
  };
  return {
    redirectStderr: s.programRedirectStderr,
    stdout: {
      ...common,
      ...target(s.programStdoutLog),
      maxBytes: s.programStdoutLogBytes,
      backups: s.programStdoutLogBackups,
    },
    stderr: {
      ...common,
      ...target(s.programStderrLog),
      maxBytes: s.programStderrLogBytes,
      backups: s.programStderrLogBackups,
    },
  };
}

function namesOf(
  program: ProgramModel,
  index: number,
  cx: PlanContext,
): ReadonlyMap<string, string | number> {
  return new Map<string, string | number>([
    ['program_name', program.name],
    ['group_name', program.settings.programGroup || program.name],
    ['process_num', program.settings.programNumprocsStart + index],
    ['numprocs', program.settings.programNumprocs],
    ['host_node_name', hostname()],
    ['here', cx.prefix],
  ]);
}

/** Expanded first and split after, as in Supervisor: a value with blanks in it makes several words. */
function wordsOf(command: string | null, report: (message: string) => void): readonly string[] {
  if (command === null) {
    report('it has no command: add command, the line that starts it');
    return [];
  }
  const words = splitCommand(command);
  if ('problem' in words) {
    report(`its command cannot be split into words: ${words.problem}`);
    return [];
  }
  if (words.length === 0 || words[0] === '') report('its command is empty: write the line that starts it');
  return words;
}
