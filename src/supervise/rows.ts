// The directives of a program block, with Supervisor's names and meanings where it has them.
// Gathered by config/registry.ts, so this file imports nothing else of the room but rows.
// Past 300 lines: a table; what belongs to output and upkeep is in rows of their own.

import { constants } from 'node:os';
import type { Settings } from '../config/model.ts';
import { count, flag, type ReadContext, type Row, type SettingRow, setting, time } from '../config/row.ts';
import { logDefaults, logRows } from './logs/rows.ts';
import { upkeepDefaults, upkeepRows } from './upkeep/rows.ts';

declare module '../config/model.ts' {
  interface Settings {
    /** Command line before expansion, in shell words; null when none was given. */
    readonly programCommand: string | null;
    readonly programNumprocs: number;
    /** %(process_num) of the first process. */
    readonly programNumprocsStart: number;
    /** Name of each process before expansion; null for the program's name, numbered when there are several. */
    readonly programProcessName: string | null;
    /** Port of the first process; the next ones count up from it. null when the ports are not known. */
    readonly programFirstPort: number | null;
    /** Working directory before expansion, from the prefix when relative; null for the prefix itself. */
    readonly programDirectory: string | null;
    /** Values before expansion. */
    readonly programEnvironment: Readonly<Record<string, string>>;
    readonly programAutorestart: boolean | 'unexpected';
    readonly programStartMs: number;
    readonly programStartretries: number;
    readonly programGiveUp: boolean;
    readonly programExitcodes: readonly number[];
    readonly programStopSignal: NodeJS.Signals;
    readonly programStopWaitMs: number;
    readonly programStopAsGroup: boolean;
    readonly programKillAsGroup: boolean;
    readonly programAutostart: boolean;
    readonly programPriority: number;
    /** Name of the group that it is in; '' for one of its own. */
    readonly programGroup: string;
    /** Name or number; '' for lbproxy's own user. */
    readonly programUser: string;
    /** null = lbproxy's own. */
    readonly programUmask: number | null;
  }
}

const IN_PROGRAM = ['program'] as const;
const MAX_PROCESSES = 1000;
const SIGNALS = Object.keys(constants.signals) as NodeJS.Signals[];
const COMMON_SIGNALS = 'TERM, HUP, INT, QUIT, KILL, USR1, USR2';

type Words = Parameters<SettingRow['read']>[0];

/** One argument is a command line; several are its words, so each is quoted to survive the splitting. */
function readCommand(words: Words, cx: ReadContext): string | undefined {
  const text = words.length === 1 ? words[0].text.trim() : words.map((w) => quoteWord(w.text)).join(' ');
  if (text !== '') return text;
  return cx.problems.error(words[0].at, '"command" is empty: write the command that starts the program');
}

function quoteWord(word: string): string {
  return /^[^\s'"\\]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** `A=1 B=2`, or a name and its value as two words (what a JSON object becomes). */
function readEnvironment(words: Words, cx: ReadContext): Record<string, string> | undefined {
  if (words.length === 2 && !words[0].text.includes('=')) {
    const [name, value] = words;
    if (isVariableName(name.text)) return { [name.text]: value.text };
  }
  const out: Record<string, string> = {};
  for (const word of words) {
    const equals = word.text.indexOf('=');
    if (equals < 1 || !isVariableName(word.text.slice(0, equals)))
      return cx.problems.error(word.at, `"environment": "${word.text}" is not NAME=value, such as DEBUG=1`);
    out[word.text.slice(0, equals)] = word.text.slice(equals + 1);
  }
  return out;
}

// "__proto__" would vanish in an object.
const isVariableName = (name: string): boolean => /^[^=\s\0]+$/.test(name) && name !== '__proto__';

function readAutorestart(words: Words, cx: ReadContext): boolean | 'unexpected' | undefined {
  const text = words[0].text.toLowerCase();
  if (text === 'true' || text === 'on') return true;
  if (text === 'false' || text === 'off') return false;
  if (text === 'unexpected') return 'unexpected';
  return cx.problems.error(
    words[0].at,
    `"autorestart": "${words[0].text}" is not one of true, false, unexpected`,
  );
}

/** Supervisor writes `0,2`; words do as well. */
function readExitcodes(words: Words, cx: ReadContext): readonly number[] | undefined {
  const codes: number[] = [];
  for (const word of words) {
    for (const text of word.text.split(',')) {
      const code = /^\s*\d{1,3}\s*$/.test(text) ? Number(text) : 256;
      if (code > 255)
        return cx.problems.error(word.at, `"exitcodes": "${text}" is not an exit status from 0 to 255`);
      codes.push(code);
    }
  }
  return codes;
}

/** By its name, with or without SIG, or its number. */
function readStopSignal(words: Words, cx: ReadContext): NodeJS.Signals | undefined {
  const [{ text, at }] = words;
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  const signal = SIGNALS.find((s) => s === name || String(constants.signals[s]) === text);
  if (signal !== undefined) return signal;
  return cx.problems.error(at, `"stopsignal": "${text}" is no signal: write one such as ${COMMON_SIGNALS}`);
}

function readUmask(words: Words, cx: ReadContext): number | undefined {
  const [{ text, at }] = words;
  if (/^0?[0-7]{1,3}$/.test(text)) return Number.parseInt(text, 8);
  return cx.problems.error(at, `"umask": "${text}" is not an octal number such as 022`);
}

const environmentRow: SettingRow<'programEnvironment'> = {
  kind: 'setting',
  key: 'programEnvironment',
  repeat: 'merge',
  name: 'environment',
  aliases: ['env'],
  contexts: IN_PROGRAM,
  args: [1, 256],
  syntax: 'NAME=value …',
  doc:
    "Added to lbproxy's own environment, of which LBPROXY_* stays behind, after PORT and LBPROXY_PROCESS. Values are expanded as in " +
    'command. PYTHONUNBUFFERED is 1 unless it is set. LBPROXY_RUN marks what the program starts: all that bears it ends with lbproxy.',
  read: readEnvironment,
};

export const programRows: readonly Row[] = [
  setting('programCommand', {
    name: 'command',
    contexts: IN_PROGRAM,
    args: [1, 256],
    syntax: 'command | word …',
    doc:
      'The command of each process, split into words as a shell does, but run without one. {port} and {index} (from 0) ' +
      "are replaced, and Supervisor's %(program_name)s, %(process_num)02d, %(ENV_NAME)s and %% as in Python.",
    read: readCommand,
  }),
  count('programNumprocs', {
    name: 'numprocs',
    aliases: ['instances'],
    contexts: IN_PROGRAM,
    min: 1,
    max: MAX_PROCESSES,
    default: '1',
    doc: 'How many processes to run.',
  }),
  count('programNumprocsStart', {
    name: 'numprocs_start',
    contexts: IN_PROGRAM,
    max: 65535,
    default: '0',
    doc: 'The %(process_num) of the first process.',
  }),
  setting('programProcessName', {
    name: 'process_name',
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'name',
    doc:
      'Name of each process, expanded as command is. Without it the name of the program, followed by ' +
      '_%(process_num)02d where numprocs is more than 1.',
    read: (words) => words[0].text,
  }),
  count('programFirstPort', {
    name: 'first_port',
    contexts: IN_PROGRAM,
    min: 1,
    max: 65535,
    doc:
      'Port of the first process; each next process has the next port. Replaces {port}, is set as PORT in the ' +
      'environment, and is where an upstream that follows the program finds its peers, each once its port accepts.',
  }),
  setting('programDirectory', {
    name: 'directory',
    aliases: ['cwd'],
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'path',
    doc: 'Working directory, expanded as command is; relative ones start from the prefix, which is the default.',
    read: (words) => words[0].text,
  }),
  environmentRow,
  setting('programAutorestart', {
    name: 'autorestart',
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'true | false | unexpected',
    default: 'true',
    doc:
      'Whether a process that exits after startsecs is started again; unexpected: only when its exit status is not in ' +
      "exitcodes. Supervisor's default is unexpected, which lets a web app end for good with status 0.",
    read: readAutorestart,
  }),
  time('programStartMs', {
    name: 'startsecs',
    contexts: IN_PROGRAM,
    default: '1',
    doc: 'How long a process has to stay up, and accept on its port if it has one, to count as RUNNING.',
  }),
  flag('programGiveUp', {
    name: 'give_up',
    contexts: IN_PROGRAM,
    default: 'off',
    doc:
      "on: after startretries failed starts in a row the process is FATAL and stays down, as Supervisor's do. off: it " +
      'is tried again for ever, with pauses that grow to 10 s.',
  }),
  count('programStartretries', {
    name: 'startretries',
    contexts: IN_PROGRAM,
    default: '3',
    doc: 'With give_up on: how many failed starts in a row are tried again.',
  }),
  setting('programExitcodes', {
    name: 'exitcodes',
    contexts: IN_PROGRAM,
    args: [1, 256],
    syntax: 'status …',
    default: '0',
    doc: 'The exit statuses that autorestart unexpected takes as expected.',
    read: readExitcodes,
  }),
  setting('programStopSignal', {
    name: 'stopsignal',
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'signal',
    default: 'TERM',
    doc: 'The signal that asks a process to end: TERM, HUP, INT, QUIT, KILL, USR1, USR2 or another one.',
    read: readStopSignal,
  }),
  time('programStopWaitMs', {
    name: 'stopwaitsecs',
    contexts: IN_PROGRAM,
    default: '10',
    doc: 'How long to wait after stopsignal before the process is killed.',
  }),
  flag('programStopAsGroup', {
    name: 'stopasgroup',
    contexts: IN_PROGRAM,
    default: 'on',
    doc: 'stopsignal goes to the whole process group, not to its leader alone.',
  }),
  flag('programKillAsGroup', {
    name: 'killasgroup',
    contexts: IN_PROGRAM,
    default: 'on',
    doc: 'SIGKILL goes to the whole process group; and what a process that ended leaves behind is killed.',
  }),
  flag('programAutostart', {
    name: 'autostart',
    contexts: IN_PROGRAM,
    default: 'on',
    doc: 'off: it is started by hand (lbproxy ctl start).',
  }),
  count('programPriority', {
    name: 'priority',
    contexts: IN_PROGRAM,
    default: '999',
    doc: 'Lower ones start first and stop last.',
  }),
  setting('programGroup', {
    name: 'group',
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'name',
    doc: 'The group whose processes are named and controlled together (group:*). Without it the program is one of its own name.',
    read: (words) => words[0].text,
  }),
  setting('programUser', {
    name: 'user',
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'name',
    doc: 'The user that it runs as, with all its groups; HOME, USER and LOGNAME are set. Needs lbproxy to run as root.',
    read: (words) => words[0].text,
  }),
  setting('programUmask', {
    name: 'umask',
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: 'octal',
    doc: "The file mode creation mask; without it lbproxy's own.",
    read: readUmask,
  }),
  ...upkeepRows,
  ...logRows,
];

export const programDefaults = {
  programCommand: null,
  programNumprocs: 1,
  programNumprocsStart: 0,
  programProcessName: null,
  programFirstPort: null,
  programDirectory: null,
  programEnvironment: {},
  programAutorestart: true,
  programStartMs: 1000,
  programStartretries: 3,
  programGiveUp: false,
  programExitcodes: [0],
  programStopSignal: 'SIGTERM',
  programStopWaitMs: 10_000,
  programStopAsGroup: true,
  programKillAsGroup: true,
  programAutostart: true,
  programPriority: 999,
  programGroup: '',
  programUser: '',
  programUmask: null,
  ...upkeepDefaults,
  ...logDefaults,
} as const satisfies Partial<Settings>;
