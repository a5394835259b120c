// The command line of `lbproxy ctl`, read as supervisorctl's is (getopt: options end at the first word that is none), and the flags
// that may stand behind a command too.
import { BadConfiguration } from './bad-configuration.ts';
import type { FindOptions } from './find-server.ts';
import { wordsOf } from './namespec.ts';
import { quoted } from './python-error.ts';
import type { Flags } from './session.ts';

export interface CtlOptions extends FindOptions {
  readonly help: boolean;
  readonly interactive: boolean;
  readonly historyFile: string | undefined;
  readonly flags: Flags;
  /** The action and its arguments. */
  readonly words: readonly string[];
}

const NO_FLAGS: Flags = { wide: false, json: false, wait: false, noWait: false, timeoutMs: null };

/** Long names by short ones. */
const SHORT: Readonly<Record<string, string>> = {
  h: 'help',
  '?': 'help',
  c: 'configuration',
  i: 'interactive',
  s: 'serverurl',
  u: 'username',
  p: 'password',
  r: 'history-file',
};
const WITH_VALUE = new Set(['configuration', 'serverurl', 'username', 'password', 'history-file', 'timeout']);
const SWITCHES = ['help', 'interactive', 'wide', 'json', 'wait', 'no-wait'];
const LONG = [...WITH_VALUE, ...SWITCHES];

/** Throws BadConfiguration for what is no option. */
export function readOptions(args: readonly string[]): CtlOptions {
  const given = new Map<string, string>();
  const rest = [...args];
  while (rest.length > 0 && rest[0].startsWith('-') && rest[0] !== '-') {
    const word = rest.shift() ?? '';
    if (word === '--') break;
    if (word.startsWith('--')) takeLong(word.slice(2), rest, given);
    else takeShort(word.slice(1), rest, given);
  }
  const url = given.get('serverurl');
  if (url !== undefined && !/^[a-z][a-z\d+.-]*:(?:\/\/)?[^/]|^[a-z][a-z\d+.-]*:\/(?:\/\/|[^/])/i.test(url))
    throw new BadConfiguration(`invalid value for -s ${quoted(url)}: value ${quoted(url)} is not a URL`);
  return {
    help: given.has('help'),
    interactive: given.has('interactive'),
    file: given.get('configuration'),
    url,
    username: given.get('username'),
    password: given.get('password'),
    historyFile: given.get('history-file'),
    flags: flagsFrom(given, NO_FLAGS),
    words: rest,
  };
}

function takeLong(text: string, rest: string[], given: Map<string, string>): void {
  const equals = text.indexOf('=');
  const name = fullName(equals < 0 ? text : text.slice(0, equals));
  const value = equals < 0 ? undefined : text.slice(equals + 1);
  if (WITH_VALUE.has(name)) {
    const word = value ?? rest.shift();
    if (word === undefined) throw new BadConfiguration(`option --${name} requires argument`);
    put(given, name, word, `--${name}`);
  } else if (value !== undefined) throw new BadConfiguration(`option --${name} must not have an argument`);
  else given.set(name, '');
}

/** A beginning that only one option has stands for it. */
function fullName(text: string): string {
  const name = text.replaceAll('_', '-');
  if (LONG.includes(name)) return name;
  const possible = LONG.filter((one) => one.startsWith(name));
  if (possible.length === 0) throw new BadConfiguration(`option --${text} not recognized`);
  if (possible.length > 1) throw new BadConfiguration(`option --${text} not a unique prefix`);
  return possible[0];
}

function takeShort(letters: string, rest: string[], given: Map<string, string>): void {
  for (let i = 0; i < letters.length; i++) {
    const name = Object.hasOwn(SHORT, letters[i]) ? SHORT[letters[i]] : undefined;
    if (name === undefined) throw new BadConfiguration(`option -${letters[i]} not recognized`);
    if (!WITH_VALUE.has(name)) {
      given.set(name, '');
      continue;
    }
    const word = letters.slice(i + 1) || rest.shift();
    if (word === undefined) throw new BadConfiguration(`option -${letters[i]} requires argument`);
    return put(given, name, word, `-${letters[i]}`);
  }
}

function put(given: Map<string, string>, name: string, value: string, shown: string): void {
  if (given.has(name)) throw new BadConfiguration(`conflicting command line option ${quoted(shown)}`);
  given.set(name, value);
}

function flagsFrom(given: ReadonlyMap<string, string>, before: Flags): Flags {
  const timeout = given.get('timeout');
  if (timeout !== undefined && !/^\d{1,9}(?:\.\d+)?$/.test(timeout))
    throw new BadConfiguration(`--timeout ${timeout}: seconds are meant, such as --timeout 30`);
  return {
    wide: before.wide || given.has('wide'),
    json: before.json || given.has('json'),
    wait: before.wait || given.has('wait'),
    noWait: before.noWait || given.has('no-wait'),
    timeoutMs: timeout === undefined ? before.timeoutMs : Number(timeout) * 1000,
  };
}

const FLAG = /^--(?:wide|json|wait|no-wait|timeout(?:=.*)?)$/;

/** Takes the flags out of a command's arguments; without any, they stay as they were typed. */
export function takeFlags(arg: string, before: Flags): { readonly arg: string; readonly flags: Flags } {
  const words = wordsOf(arg);
  if (!words.some((word) => FLAG.test(word))) return { arg, flags: before };
  const given = new Map<string, string>();
  const rest: string[] = [];
  while (words.length > 0) {
    const word = words.shift() ?? '';
    if (FLAG.test(word)) takeLong(word.slice(2), words, given);
    else rest.push(word);
  }
  return { arg: rest.join(' '), flags: flagsFrom(given, before) };
}
