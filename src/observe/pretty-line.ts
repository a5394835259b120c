// One message of the error log as a line for people: `13:23:02 warn   peer 127.0.0.1:8002 failed cause=connect_refused`.
import { styleText } from 'node:util';
import type { LogLevel } from './rows.ts';

export interface LogEntry {
  readonly time: Date;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Style = Parameters<typeof styleText>[0];

const STYLES: Readonly<Record<LogLevel, Style>> = {
  debug: 'gray',
  info: 'cyan',
  notice: 'green',
  warn: 'yellow',
  error: 'red',
  crit: ['bold', 'red'],
  alert: ['bold', 'red'],
  emerg: ['bold', 'red'],
};

/** The width of `notice`. */
const LEVEL_WIDTH = 6;

/** No line end; whatever the message and the fields hold, the line is one line and obeyed by no terminal. */
export function prettyLine(entry: LogEntry, colours: boolean): string {
  const style = (format: Style, text: string): string =>
    colours ? styleText(format, text, { validateStream: false }) : text;
  const time = entry.time.toTimeString().slice(0, 8);
  const level = style(STYLES[entry.level], entry.level.padEnd(LEVEL_WIDTH));
  let line = `${style('gray', time)} ${level} ${escapeControls(entry.message)}`;
  for (const [name, value] of flat(entry.fields))
    line += ` ${style('gray', `${escapeControls(name)}=`)}${escapeControls(printed(value))}`;
  return line;
}

/** The fields that have a value; those of an object of its own as `process.pid`. */
function flat(fields: object): [string, unknown][] {
  return Object.entries(fields).flatMap(([name, value]: [string, unknown]): [string, unknown][] => {
    if (value === undefined) return [];
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Error)
      return [[name, value]];
    return flat(value).map(([inner, each]) => [`${name}.${inner}`, each]);
  });
}

function printed(value: unknown): string {
  const text = value instanceof Error ? value.message : value;
  // Quoted where the end of the value would not be seen otherwise.
  if (typeof text === 'string') return /[\s"=]|^$/.test(text) ? JSON.stringify(text) : text;
  return JSON.stringify(text) ?? String(text);
}

/** C0, DEL, C1, line separators, and what changes the direction of text. */
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (c) => {
    if (c === '\n') return '\\n';
    const code = c.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}
