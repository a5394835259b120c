// Rows of how an answer gets from a peer to a slower client, for each family of peers: what waits in memory, and what in a temporary file.
import { readTempPath, type TempPath } from '../../body/rows.ts';
import { flag, HTTP_LEVELS, type ReadContext, type Row, setting, size } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount, parseSize } from '../../config/units.ts';

export interface BufferSet {
  readonly count: number;
  readonly bytes: number;
}

/** What each family has, without its name. 0 = not set where no other meaning is given. */
export interface BufferingKeys {
  readonly Buffering: boolean;
  /** Largest head of an answer. */
  readonly BufferBytes: number;
  readonly Buffers: BufferSet | null;
  readonly BusyBuffersBytes: number;
  /** 0 = no temporary file. */
  readonly MaxTempFileBytes: number;
  readonly TempFileWriteBytes: number;
  /** null = the system's place for such files. */
  readonly TempPath: TempPath | null;
  /** Lower-case names of fields of the peer's answer that change nothing here. */
  readonly IgnoreHeaders: readonly string[];
  /** 0 = no limit. */
  readonly LimitRateBytes: number;
  readonly ForceRanges: boolean;
}

export const BUFFERING_DEFAULTS: BufferingKeys = {
  Buffering: true,
  BufferBytes: 0,
  Buffers: null,
  BusyBuffersBytes: 0,
  MaxTempFileBytes: 1024 ** 3,
  TempFileWriteBytes: 0,
  TempPath: null,
  IgnoreHeaders: [],
  LimitRateBytes: 0,
  ForceRanges: false,
};

/** What holds where a configuration says nothing. */
export const USUAL_HEAD_BYTES = 32_768;
export const USUAL_BUFFERS: BufferSet = { count: 8, bytes: 8192 };

/** What nginx takes (ngx_http_upstream_ignore_headers_masks). */
const IGNORABLE = ['X-Accel-Redirect', 'X-Accel-Expires', 'X-Accel-Limit-Rate', 'X-Accel-Buffering']
  .concat(['X-Accel-Charset', 'Expires', 'Cache-Control', 'Set-Cookie', 'Vary'])
  .map((name) => name.toLowerCase());

export function bufferingRows(family: string): readonly Row[] {
  return [...memoryRows(family), ...fileRows(family), ignoreRow(family)];
}

/** All families have the same keys behind their names. */
function keyOf<K extends keyof BufferingKeys>(family: string, key: K): `proxy${K}` {
  return `${family}${key}` as `proxy${K}`;
}

function memoryRows(family: string): readonly Row[] {
  return [
    flag(keyOf(family, 'Buffering'), {
      name: `${family}_buffering`,
      contexts: HTTP_LEVELS,
      default: 'on',
      doc: 'Takes an answer as fast as the peer gives it, so that a slow client does not occupy the peer: what the client has not taken waits in memory, then in a temporary file. With off the peer waits, and every piece passes filters at once; X-Accel-Buffering: yes or no in an answer says it for that one.',
    }),
    size(keyOf(family, 'BufferBytes'), {
      name: `${family}_buffer_size`,
      contexts: HTTP_LEVELS,
      default: '32k',
      doc: 'Largest head of a peer’s answer; beyond, 502.',
    }),
    setting(keyOf(family, 'Buffers'), {
      name: `${family}_buffers`,
      contexts: HTTP_LEVELS,
      args: [2, 2],
      syntax: 'number size',
      default: '8 8k',
      doc: 'Number × size is how much of an answer waits in memory for a slow client; beyond, it goes to a temporary file.',
      read: readBuffers,
    }),
    size(keyOf(family, 'BusyBuffersBytes'), {
      name: `${family}_busy_buffers_size`,
      contexts: HTTP_LEVELS,
      default: `twice the larger of ${family}_buffer_size and one of ${family}_buffers`,
      doc: 'Read and checked for compatibility: what is on its way to the client never keeps the peer from being read.',
    }),
  ];
}

function fileRows(family: string): readonly Row[] {
  return [
    size(keyOf(family, 'MaxTempFileBytes'), {
      name: `${family}_max_temp_file_size`,
      contexts: HTTP_LEVELS,
      default: '1024m',
      doc: 'Largest temporary file of an answer; beyond, or when the disk is full, the peer waits for the client. 0 = no file.',
    }),
    size(keyOf(family, 'TempFileWriteBytes'), {
      name: `${family}_temp_file_write_size`,
      contexts: HTTP_LEVELS,
      default: `twice the larger of ${family}_buffer_size and one of ${family}_buffers`,
      doc: 'Read and checked for compatibility: writing to the disk holds nobody up here, whatever the size.',
    }),
    size(keyOf(family, 'LimitRateBytes'), {
      name: `${family}_limit_rate`,
      contexts: HTTP_LEVELS,
      default: '0',
      doc: 'Bytes a second that are read of an answer that is buffered; 0 = as fast as the peer gives them.',
    }),
    flag(keyOf(family, 'ForceRanges'), {
      name: `${family}_force_ranges`,
      contexts: HTTP_LEVELS,
      default: 'off',
      doc: 'Answers a Range of one part from the whole answer of a peer, whatever the peer says of ranges.',
    }),
    setting(keyOf(family, 'TempPath'), {
      name: `${family}_temp_path`,
      contexts: HTTP_LEVELS,
      args: [1, 4],
      syntax: 'path [level1 [level2 [level3]]]',
      default: 'TMPDIR, /var/tmp or /tmp',
      doc: 'Directory for answers that wait for slow clients, made when it is first needed; the files lose their names at once.',
      read: readTempPath,
    }),
  ];
}

function ignoreRow(family: string): Row {
  return setting(keyOf(family, 'IgnoreHeaders'), {
    name: `${family}_ignore_headers`,
    contexts: HTTP_LEVELS,
    args: [1, 9],
    syntax: 'field …',
    repeat: 'union',
    doc: 'Fields of the peer’s answer that change nothing here: X-Accel-Redirect, X-Accel-Buffering, X-Accel-Limit-Rate, X-Accel-Charset, X-Accel-Expires, Expires, Cache-Control, Set-Cookie, Vary.',
    read: readIgnored,
  });
}

function readBuffers(words: readonly Word[], cx: ReadContext): BufferSet | undefined {
  const count = parseCount(words[0].text, 0, Number.MAX_SAFE_INTEGER);
  const bytes = parseSize(words[1].text);
  const { name } = cx.directive;
  if (count === undefined || bytes === undefined || bytes === 0)
    return cx.problems.error(words[0].at, `write a number and a size: ${name} 8 8k`);
  if (count < 2) return cx.problems.error(words[0].at, `there must be at least 2 "${name}"`);
  return { count, bytes };
}

function readIgnored(words: readonly Word[], cx: ReadContext): readonly string[] | undefined {
  const names = words.map(({ text }) => text.toLowerCase());
  const bad = names.findIndex((name) => !IGNORABLE.includes(name));
  if (bad < 0) return names;
  return cx.problems.error(
    words[bad].at,
    `"${words[bad].text}" cannot be ignored; there are ${IGNORABLE.join(', ')}`,
  );
}
