// One program of the Model → the processes to run, every text expanded. Pure but for the environment it is given.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { ProgramModel } from '../config/model.ts';
import { splitCommand } from './command-words.ts';
import { type Expansions, expand } from './expand.ts';
import type { ProcessPolicy } from './state.ts';

/** What a process is started with; when any of it changes, the process has to be started anew. */
export interface Launch {
  readonly name: string;
  /** 1..65535, or null when the program has no first_port. */
  readonly port: number | null;
  /** Command and arguments; at least one word. */
  readonly argv: readonly string[];
  /** Absolute. */
  readonly directory: string;
  /** The program's own variables, without those of lbproxy. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One process of a program. `index` counts from 0 and is what identifies it across reloads. */
export interface ProcessSpec {
  readonly program: string;
  readonly index: number;
  readonly launch: Launch;
  readonly policy: ProcessPolicy;
}

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
  return {
    program: program.name,
    index,
    launch: {
      name: text(s.programProcessName ?? defaultName),
      port,
      argv: wordsOf(s.programCommand, text, report),
      directory: s.programDirectory === null ? cx.prefix : resolve(cx.prefix, text(s.programDirectory)),
      environment,
    },
    policy: {
      port,
      startMs: s.programStartMs,
      stopSignal: s.programStopSignal,
      stopWaitMs: s.programStopWaitMs,
      autorestart: s.programAutorestart,
      exitcodes: s.programExitcodes,
      giveUpAfter: s.programGiveUp ? s.programStartretries : null,
      readyLostMs: s.programReadyLostMs,
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
    ['group_name', program.name],
    ['process_num', program.settings.programNumprocsStart + index],
    ['numprocs', program.settings.programNumprocs],
    ['host_node_name', hostname()],
    ['here', cx.prefix],
  ]);
}

/** Expanded first and split after, as in Supervisor: a value with blanks in it makes several words. */
function wordsOf(
  command: string | null,
  text: (from: string) => string,
  report: (message: string) => void,
): readonly string[] {
  if (command === null) {
    report('it has no command: add command, the line that starts it');
    return [];
  }
  const words = splitCommand(text(command));
  if ('problem' in words) {
    report(`its command cannot be split into words: ${words.problem}`);
    return [];
  }
  if (words.length === 0 || words[0] === '') report('its command is empty: write the line that starts it');
  return words;
}
