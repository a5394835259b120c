// Where stdout and stderr of one process go, by the keys of its section.
import type { LogTarget, OutputPlan, StreamPlan } from '../plan.ts';
import type { Names, SectionReader } from './context.ts';
import { toBoolean, toByteSize, toInteger } from './datatypes.ts';
import { expandUser, filePath } from './paths.ts';

export interface StreamsResult {
  readonly output: OutputPlan;
  /** Why a log cannot be written; else null. */
  readonly problem: string | null;
}

/** What does not depend on the number of the process: read once for a section. */
export interface StreamSettings {
  readonly redirectStderr: boolean;
  readonly stripAnsi: boolean;
  readonly stdout: FixedStream;
  readonly stderr: FixedStream;
}

interface FixedStream {
  readonly captureMaxBytes: number;
  readonly events: boolean;
}

const DEFAULT_MAX_BYTES = 50 * 1024 * 1024;
const DEFAULT_BACKUPS = 10;

export function readStreamSettings(reader: SectionReader, names: Names, stripAnsi: boolean): StreamSettings {
  const fixed = (channel: string): FixedStream => ({
    captureMaxBytes: Math.max(0, reader.value(`${channel}_capture_maxbytes`, toByteSize, names) ?? 0),
    events: reader.value(`${channel}_events_enabled`, toBoolean, names) ?? false,
  });
  const redirectStderr = reader.value('redirect_stderr', toBoolean, names) ?? false;
  return { redirectStderr, stripAnsi, stdout: fixed('stdout'), stderr: fixed('stderr') };
}

export function readStreams(reader: SectionReader, names: Names, settings: StreamSettings): StreamsResult {
  const stdout = readStream(reader, 'stdout', names, settings);
  const stderr = readStream(reader, 'stderr', names, settings);
  const { redirectStderr } = settings;
  if (!redirectStderr) {
    const output = { redirectStderr, stdout: stdout.stream, stderr: stderr.stream };
    return { output, problem: stdout.problem ?? stderr.problem };
  }
  if (reader.raw('stderr_logfile') !== undefined && stderr.isNamed)
    reader.warn(
      'stderr_logfile',
      'redirect_stderr=true sends stderr to the log of stdout, so this file stays unused: remove one of the two',
    );
  const silent: StreamPlan = { ...stderr.stream, target: { kind: 'none' } };
  return { output: { redirectStderr, stdout: stdout.stream, stderr: silent }, problem: stdout.problem };
}

interface ReadStream {
  readonly stream: StreamPlan;
  readonly problem: string | null;
  /** A file was written, not AUTO or NONE. */
  readonly isNamed: boolean;
}

function readStream(
  reader: SectionReader,
  channel: 'stdout' | 'stderr',
  names: Names,
  settings: StreamSettings,
): ReadStream {
  const key = `${channel}_logfile`;
  const text = logText(reader, key, names);
  const { target, syslog, missing } = targetOf(text, reader);
  const maxBytes = readMaxBytes(reader, `${key}_maxbytes`, names);
  if (syslog) reader.warn(key, `"syslog" as a file is an old form: write ${channel}_syslog=true`);
  if (target.kind === 'auto' && maxBytes === 0 && reader.raw(`${key}_maxbytes`) !== undefined)
    reader.warn(
      `${key}_maxbytes`,
      'an AUTO log that is never rotated can fill the disk: set a size, or a log file',
    );
  const unused = channel === 'stderr' && settings.redirectStderr;
  const problem = missing === null || unused ? null : missingFolder(reader, key, missing);
  const stream: StreamPlan = {
    target,
    syslog: syslog || (reader.value(`${channel}_syslog`, toBoolean, names) ?? false),
    maxBytes,
    backups: Math.max(0, reader.value(`${key}_backups`, toInteger, names) ?? DEFAULT_BACKUPS),
    daily: false,
    gzip: false,
    totalBytes: 0,
    ...settings[channel],
    stripAnsi: settings.stripAnsi,
  };
  return {
    stream,
    problem,
    isNamed: text !== undefined && target.kind !== 'auto' && (target.kind === 'file' || text === ''),
  };
}

const TWICE = '; in the name of a log it takes four, %%%%, as Supervisor expands that twice';

/** Supervisor expands it twice: a percent sign in a file's name is written `%%%%`. */
function logText(reader: SectionReader, key: string, names: Names): string | undefined {
  const once = reader.text(key, names);
  return once === undefined ? undefined : reader.expanded(key, once, names, TWICE);
}

function readMaxBytes(reader: SectionReader, key: string, names: Names): number {
  const size = reader.value(key, toByteSize, names);
  if (size === undefined) return DEFAULT_MAX_BYTES;
  if (size > 0 && size < 4096 && /^\d+$/.test(reader.raw(key) ?? ''))
    reader.warn(
      key,
      `the log is rotated at every ${size} bytes: write the size with a unit, such as ${size}MB`,
    );
  return Math.max(0, size);
}

interface Target {
  readonly target: LogTarget;
  readonly syslog: boolean;
  readonly missing: string | null;
}

function targetOf(text: string | undefined, reader: SectionReader): Target {
  const plain = (kind: 'auto' | 'none', syslog = false): Target => ({
    target: { kind },
    syslog,
    missing: null,
  });
  const word = text?.toLowerCase();
  if (text === undefined || word === 'auto') return plain('auto');
  if (text === '' || word === 'none' || word === 'off') return plain('none');
  if (word === 'syslog') return plain('none', true);
  const { path, missing } = filePath(text, reader.cx);
  const shown = expandUser(text, reader.cx);
  const target: LogTarget = shown === path ? { kind: 'file', path } : { kind: 'file', path, shown };
  return { target, syslog: false, missing };
}

function missingFolder(reader: SectionReader, key: string, folder: string): string {
  const problem = `the directory ${folder} of its ${key} does not exist: create it, then read the file again`;
  reader.warn(key, `${problem}; until then it is not started`);
  return problem;
}
