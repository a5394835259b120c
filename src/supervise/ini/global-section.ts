// [supervisord]: what it says about all programs. What concerns only supervisord itself is checked and has no effect.

import type { MainLogLimits } from '../plan.ts';
import type { IniContext } from './context.ts';
import { expand, Names, SectionReader } from './context.ts';
import { type Convert, toBoolean, toByteSize, toInteger, toOctal } from './datatypes.ts';
import { placeOfPiece, type Section } from './document.ts';
import { parseEnvironment } from './environment.ts';
import { expandUser, filePath, isDirectory, temporaryFolder } from './paths.ts';
import { readUser, type UserChoice } from './user.ts';

export interface GlobalSettings {
  readonly identifier: string;
  readonly childLogDirectory: string;
  readonly keepsOldAutoLogs: boolean;
  readonly logFile: string | null;
  readonly logFileLimits: MainLogLimits;
  readonly pidFile: string | null;
  readonly stripAnsi: boolean;
  readonly environment: Readonly<Record<string, string>>;
  /** Whom programs run as that name nobody themselves. */
  readonly user: UserChoice;
}

const LEVELS = ['critical', 'error', 'warn', 'info', 'debug', 'trace', 'blather'] as const;
const LOG_BYTES = 50 * 1024 * 1024;
const LOG_BACKUPS = 10;

const toLevel: Convert<MainLogLimits['level']> = (text) => {
  const level = LEVELS.find((one) => one === text.toLowerCase());
  return level === undefined
    ? { problem: `"${text}" is no log level: write one of ${LEVELS.join(', ')}` }
    : { value: level };
};

/** Checked as Supervisor does, and nothing else. */
const WITHOUT_EFFECT: readonly (readonly [key: string, convert: Convert<unknown>])[] = [
  ['minfds', toInteger],
  ['minprocs', toInteger],
  ['umask', toOctal],
  ['nodaemon', toBoolean],
  ['silent', toBoolean],
];

/** `section` is undefined in a fragment. The variables that it sets are names for all sections from then on. */
export function readGlobal(cx: IniContext, section: Section | undefined): GlobalSettings {
  const reader = new SectionReader(
    cx,
    section ?? { name: 'supervisord', at: { file: '', line: 1, column: 1 }, entries: new Map() },
  );
  const names = new Names(cx.env, { here: cx.here });
  for (const [key, convert] of WITHOUT_EFFECT) reader.value(key, convert, names);
  const directory = reader.text('directory', names);
  if (directory !== undefined && !isDirectory(expandUser(directory, cx), cx.cwd))
    reader.warn(
      'directory',
      `${directory} is no directory; it has no effect here: create it, or leave the line out`,
    );
  const settings = {
    identifier: reader.text('identifier', names) ?? 'supervisor',
    childLogDirectory: childLogs(reader, names),
    keepsOldAutoLogs: reader.value('nocleanup', toBoolean, names) ?? false,
    logFile: section === undefined ? null : ownFile(reader, 'logfile', names, 'supervisord.log'),
    logFileLimits: {
      maxBytes: reader.value('logfile_maxbytes', toByteSize, names) ?? LOG_BYTES,
      backups: reader.value('logfile_backups', toInteger, names) ?? LOG_BACKUPS,
      level: reader.value('loglevel', toLevel, names) ?? 'info',
    },
    pidFile: ownFile(reader, 'pidfile', names),
    stripAnsi: reader.value('strip_ansi', toBoolean, names) ?? false,
    user: otherThanOwn(readUser(reader, names)),
  };
  return { ...settings, environment: readEnvironment(reader, names) };
}

/** Supervisor becomes this user itself, and all of its programs with it; if it is that user already, nothing happens. */
function otherThanOwn(choice: UserChoice): UserChoice {
  return choice.user?.uid === process.geteuid?.() ? { user: null, problem: choice.problem } : choice;
}

function ownFile(reader: SectionReader, key: string, names: Names, otherwise?: string): string | null {
  const text = reader.text(key, names) ?? otherwise;
  if (text === undefined || text === 'syslog') return null;
  const { path, missing } = filePath(text, reader.cx);
  if (missing === null) return path;
  reader.warn(key, `the directory ${missing} does not exist, so the file is not written: create it`);
  return null;
}

function childLogs(reader: SectionReader, names: Names): string {
  const text = reader.text('childlogdir', names);
  if (text === undefined) return temporaryFolder(reader.cx);
  const path = expandUser(text, reader.cx);
  if (isDirectory(path, reader.cx.cwd)) return filePath(path, reader.cx).path;
  const instead = temporaryFolder(reader.cx);
  reader.warn('childlogdir', `${text} is no directory, so AUTO logs go to ${instead}: create it`);
  return instead;
}

/** Expanded twice, as in Supervisor: `%%%%` is one percent sign. */
function readEnvironment(reader: SectionReader, names: Names): Readonly<Record<string, string>> {
  const entry = reader.entry('environment');
  if (entry === undefined) return {};
  const once = reader.text('environment', names) ?? '';
  const twice = expand(once, new Names(names, { host_node_name: reader.cx.hostNodeName }));
  if ('problem' in twice) {
    reader.fail('environment', `${twice.problem} (it is expanded twice: a percent sign is written %%%%)`);
    return {};
  }
  const parsed = parseEnvironment(twice.text);
  if ('problem' in parsed) {
    reader.fail('environment', parsed.problem);
    return {};
  }
  for (const { piece, message } of parsed.doubts)
    reader.cx.report.warn(placeOfPiece(entry, piece), `environment of [supervisord]: ${message}`);
  for (const [name, value] of Object.entries(parsed.values)) reader.cx.env.set(`ENV_${name}`, value);
  return parsed.values;
}
