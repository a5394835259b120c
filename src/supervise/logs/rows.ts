// The directives of a program block that say where its output goes, with Supervisor's names and meanings where it has them.
import type { Settings } from '../../config/model.ts';
import { count, flag, type ReadContext, type Row, type SettingRow, setting, size } from '../../config/row.ts';
import type { LogTarget } from '../plan.ts';

/** Where a stream goes; a path is one before expansion, from the prefix when relative. */
export type LogSetting = LogTarget | { readonly kind: 'syslog' };

declare module '../../config/model.ts' {
  interface Settings {
    readonly programRedirectStderr: boolean;
    readonly programStdoutLog: LogSetting;
    readonly programStdoutLogBytes: number;
    readonly programStdoutLogBackups: number;
    readonly programStderrLog: LogSetting;
    readonly programStderrLogBytes: number;
    readonly programStderrLogBackups: number;
    readonly programLogDaily: boolean;
    readonly programLogCompress: boolean;
    readonly programLogTotalBytes: number;
  }
}

const IN_PROGRAM = ['program'] as const;
const TARGETS = ['console', 'none', 'auto', 'syslog'] as const;
const LOG_SYNTAX = 'path | console | none | auto | syslog';

function readTarget(words: Parameters<SettingRow['read']>[0], cx: ReadContext): LogSetting | undefined {
  const [{ text, at }] = words;
  const kind = TARGETS.find((target) => target === text.toLowerCase());
  if (kind !== undefined) return { kind };
  if (text !== '') return { kind: 'file', path: text };
  return cx.problems.error(at, `"${cx.directive.name}" is empty: name a file, or write none`);
}

function target(key: 'programStdoutLog' | 'programStderrLog', name: string, stream: string): SettingRow {
  return setting(key, {
    name,
    contexts: IN_PROGRAM,
    args: [1, 1],
    syntax: LOG_SYNTAX,
    default: 'console',
    doc:
      `Where ${stream} goes: a file, expanded as command is, which several processes and streams may share; console: lbproxy's own ` +
      `${stream}, each line with the name of its process; none; auto: a file with a random name; syslog.`,
    read: readTarget,
  });
}

export const logRows: readonly Row[] = [
  flag('programRedirectStderr', {
    name: 'redirect_stderr',
    contexts: IN_PROGRAM,
    default: 'off',
    doc: 'on: stderr goes where stdout goes, in one stream.',
  }),
  target('programStdoutLog', 'stdout_logfile', 'stdout'),
  size('programStdoutLogBytes', {
    name: 'stdout_logfile_maxbytes',
    contexts: IN_PROGRAM,
    default: '50m',
    doc: 'Size at which the file is rotated; 0 for never.',
  }),
  count('programStdoutLogBackups', {
    name: 'stdout_logfile_backups',
    contexts: IN_PROGRAM,
    default: '10',
    doc: 'How many rotated files are kept.',
  }),
  target('programStderrLog', 'stderr_logfile', 'stderr'),
  size('programStderrLogBytes', {
    name: 'stderr_logfile_maxbytes',
    contexts: IN_PROGRAM,
    default: '50m',
    doc: 'As stdout_logfile_maxbytes.',
  }),
  count('programStderrLogBackups', {
    name: 'stderr_logfile_backups',
    contexts: IN_PROGRAM,
    default: '10',
    doc: 'As stdout_logfile_backups.',
  }),
  flag('programLogDaily', {
    name: 'logfile_daily',
    contexts: IN_PROGRAM,
    default: 'off',
    doc: 'on: the files of both streams are rotated at midnight too.',
  }),
  flag('programLogCompress', {
    name: 'logfile_compress',
    contexts: IN_PROGRAM,
    default: 'off',
    doc: 'on: rotated files are compressed (.gz).',
  }),
  size('programLogTotalBytes', {
    name: 'logfile_total',
    contexts: IN_PROGRAM,
    default: '0',
    doc: 'The oldest rotated files of a path are removed until all of them together are no larger; 0 for no limit.',
  }),
];

export const logDefaults = {
  programRedirectStderr: false,
  programStdoutLog: { kind: 'console' },
  programStdoutLogBytes: 50 * 1024 * 1024,
  programStdoutLogBackups: 10,
  programStderrLog: { kind: 'console' },
  programStderrLogBytes: 50 * 1024 * 1024,
  programStderrLogBackups: 10,
  programLogDaily: false,
  programLogCompress: false,
  programLogTotalBytes: 0,
} as const satisfies Partial<Settings>;
