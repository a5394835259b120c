// One program of the Model → the processes to run, every text expanded. Pure but for the environment it is given.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { ProgramModel } from '../config/model.ts';
import { splitCommand } from './command-words.ts';
import { type Expansions, expand } from './expand.ts';
import type { OutputPlan, ProcessSpec, StreamPlan } from './plan.ts';

export interface PlanContext {
  /** What relative directories start from; also %(here)s. */
  readonly prefix: string;
  /** Where %(ENV_NAME)s looks; lbproxy's own environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

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
  return {
    group: program.name,
    program: program.name,
    index,
    at: program.at,
    launch: {
      name: text(s.programProcessName ?? defaultName),
      dialect: 'lbproxy',
      port,
      argv: wordsOf(s.programCommand === null ? null : command, report),
      command,
      directory: s.programDirectory === null ? cx.prefix : resolve(cx.prefix, text(s.programDirectory)),
      environment,
      user: null,
      umask: null,
      serverUrl: null,
      problem: null,
    },
    policy: {
      port,
      priority: 999,
      autostart: true,
      startMs: s.programStartMs,
      stopSignal: s.programStopSignal,
      stopWaitMs: s.programStopWaitMs,
      stopAsGroup: true,
      killAsGroup: true,
      autorestart: s.programAutorestart,
      exitcodes: s.programExitcodes,
      giveUpAfter: s.programGiveUp ? s.programStartretries : null,
      backOff: 'doubling',
      ready: port === null ? { by: 'running' } : { by: 'tcp' },
      readyGates: true,
      readyTimeoutMs: null,
      readyLostMs: s.programReadyLostMs,
      drainLimitMs: 10_000,
      dependsOn: [],
      watch: [],
      maxMemoryBytes: null,
      maxUnavailable: 1,
      slowStartMs: 0,
    },
    output: CONSOLE_OUTPUT,
  };
}

const CONSOLE: StreamPlan = {
  target: { kind: 'console' },
  syslog: false,
  maxBytes: 0,
  backups: 0,
  daily: false,
  gzip: false,
  totalBytes: 0,
  captureMaxBytes: 0,
  events: false,
  stripAnsi: false,
};

const CONSOLE_OUTPUT: OutputPlan = { redirectStderr: false, stdout: CONSOLE, stderr: CONSOLE };

function namesOf(
  program: ProgramModel,
  index: number,
  cx: PlanContext,
): ReadonlyMap<string, string | number> {
  return new Map<string, string | number>([
    ['program_name', program.name],
    ['group_name', program.name],
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
