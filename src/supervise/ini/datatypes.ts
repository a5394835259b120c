// The kinds of values in supervisord.conf: text → value, or what is wrong with it, by the rules of Supervisor's datatypes.
import { octalNumber, strip, wholeNumber } from './py-text.ts';

export type Converted<T> = { readonly value: T } | { readonly problem: string };
export type Convert<T> = (text: string) => Converted<T>;

const TRUE = ['yes', 'true', 'on', '1'];
const FALSE = ['no', 'false', 'off', '0'];

export const toBoolean: Convert<boolean> = (text) => {
  const word = text.toLowerCase();
  if (TRUE.includes(word)) return { value: true };
  if (FALSE.includes(word)) return { value: false };
  return { problem: `"${text}" is neither true nor false: write true or false (yes, no, on, off, 1, 0)` };
};

export const toInteger: Convert<number> = (text) => {
  const value = wholeNumber(text);
  if (value === undefined) return { problem: `"${text}" is no whole number: write digits without a unit` };
  return Number.isSafeInteger(value) ? { value } : { problem: `"${text}" is too large a number` };
};

const UNITS: Readonly<Record<string, number>> = { kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

export const toByteSize: Convert<number> = (text) => {
  const unit = UNITS[text.toLowerCase().slice(-2)];
  const value = wholeNumber(unit === undefined ? text : text.slice(0, -2));
  if (value === undefined)
    return { problem: `"${text}" is no size: write bytes, or a number with KB, MB or GB` };
  const bytes = value * (unit ?? 1);
  return Number.isSafeInteger(bytes) ? { value: bytes } : { problem: `"${text}" is too large a size` };
};

export const toOctal: Convert<number> = (text) => {
  const value = octalNumber(text);
  if (value === undefined) return { problem: `"${text}" is no octal number: write it as 022 or 0700` };
  return { value };
};

export const toAutorestart: Convert<boolean | 'unexpected'> = (text) => {
  const word = text.toLowerCase();
  if (word === 'unexpected') return { value: word };
  const as = toBoolean(text);
  return 'value' in as
    ? as
    : { problem: `"${text}" is no value of autorestart: write true, false or unexpected` };
};

export const toExitcodes: Convert<readonly number[]> = (text) => {
  if (text === '') return { value: [] };
  const codes = text.split(',').map(wholeNumber);
  const value = codes.filter((code) => code !== undefined && code >= 0 && code <= 255);
  if (value.length === codes.length) return { value: value.filter((code) => code !== undefined) };
  return {
    problem: `"${text}" is no list of exit codes: write numbers from 0 to 255 with commas between, such as 0,2`,
  };
};

/** Ensures that a name breaks neither `group:process` nor a URL. */
export const toName: Convert<string> = (text) => {
  const name = strip(text);
  const bad = [...' :/'].find((character) => name.includes(character));
  if (bad === undefined) return { value: name };
  return {
    problem: `"${name}" is no name, as ${bad === ' ' ? 'a blank' : `"${bad}"`} is in it: take it out`,
  };
};

export function toList(text: string): readonly string[] {
  return text === '' ? [] : text.split(',').map(strip);
}

/** Numbers of signals on Linux by Supervisor's names without SIG; Python's module has these. */
const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
};
const OTHER_NAMES: Readonly<Record<string, string>> = { IOT: 'ABRT', CLD: 'CHLD', POLL: 'IO' };
/** Supervisor takes these, and none of them stops a process here: 0 is no signal, the others have no name in Node. */
const ODD = ['RTMIN', 'RTMAX', '_DFL', '_IGN', '_BLOCK', '_UNBLOCK', '_SETMASK'];
const ODD_NUMBERS = [0, 34, 64];

/** null for what Supervisor takes and cannot be sent here. */
export const toSignal: Convert<NodeJS.Signals | null> = (text) => {
  const number = wholeNumber(text);
  const name = strip(text).toUpperCase().replace(/^SIG/, '');
  const known = Object.entries(SIGNALS).find(([key, value]) =>
    number === undefined ? key === (OTHER_NAMES[name] ?? name) : value === number,
  );
  if (known !== undefined) return { value: `SIG${known[0]}` as NodeJS.Signals };
  if (number === undefined ? ODD.includes(name) : ODD_NUMBERS.includes(number)) return { value: null };
  return { problem: `"${text}" is no signal: write a name such as TERM, INT, QUIT, HUP or USR2` };
};

/** `host:port`, `*:port` or `port`; host '' for all addresses. */
export const toInetAddress: Convert<{ readonly host: string; readonly port: number }> = (text) => {
  const colon = text.lastIndexOf(':');
  const port = wholeNumber(text.slice(colon + 1));
  if (port === undefined || port < 1 || port > 65535)
    return { problem: `"${text}" is no port and no host:port: write 9001 or 127.0.0.1:9001` };
  const host = colon === -1 ? '' : text.slice(0, colon).toLowerCase();
  return { value: { host: host === '*' ? '' : host, port } };
};

/** `module.name:function` as in entry points of Python packages. */
export const toPythonName: Convert<string> = (text) =>
  /^\s*[\w.]+\s*(?::\s*[\w.]+)?\s*(?:\[.*\])?\s*$/u.test(text)
    ? { value: text }
    : {
        problem: `"${text}" is no function of a Python module: write module.name:function, or remove the line`,
      };
