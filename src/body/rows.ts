// Rows of the request's body: how much of it stays in memory, and where the rest is stored.
import {
  type Context,
  choice,
  flag,
  HTTP_LEVELS,
  type ReadContext,
  type Row,
  setting,
  size,
} from '../config/row.ts';
import type { Word } from '../config/tree.ts';
import { parseCount } from '../config/units.ts';

/** A directory for temporary files, and how many characters of a file's name each level of directories in it takes. */
export interface TempPath {
  readonly directory: string;
  readonly levels: readonly number[];
}

declare module '../config/model.ts' {
  interface Settings {
    readonly clientBodyBufferBytes: number;
    /** null = the system's place for such files. */
    readonly clientBodyTempPath: TempPath | null;
    readonly clientBodyInFileOnly: 'off' | 'clean' | 'on';
    readonly clientBodyInSingleBuffer: boolean;
  }
}

export const bodyDefaults = {
  clientBodyBufferBytes: 65_536,
  clientBodyTempPath: null,
  clientBodyInFileOnly: 'off',
  clientBodyInSingleBuffer: false,
} as const;

const BODY_LEVELS: readonly Context[] = HTTP_LEVELS;

/** The ten digits of a name are all there is to give. */
const MAX_LEVEL_DIGITS = 10;

export const bodyRows: readonly Row[] = [
  size('clientBodyBufferBytes', {
    name: 'client_body_buffer_size',
    contexts: BODY_LEVELS,
    default: '64k',
    doc: 'How much of a body is kept in memory; a larger one goes to a temporary file. With proxy_request_buffering off: how much is kept so that a failed request can go to another peer. nginx: 8k or 16k.',
  }),
  setting('clientBodyTempPath', {
    name: 'client_body_temp_path',
    contexts: BODY_LEVELS,
    args: [1, 4],
    syntax: 'path [level1 [level2 [level3]]]',
    default: 'TMPDIR, /var/tmp or /tmp',
    doc: 'Directory for bodies that do not fit client_body_buffer_size, made when it is first needed; levels of directories in it are named by the last digits of the file. The files lose their names at once, except with client_body_in_file_only.',
    read: readTempPath,
  }),
  choice('clientBodyInFileOnly', ['off', 'clean', 'on'], {
    name: 'client_body_in_file_only',
    contexts: BODY_LEVELS,
    default: 'off',
    doc: 'Stores every body that is read in a file, also an empty one, for $request_body_file: `clean` removes it after the request, `on` leaves it there.',
  }),
  flag('clientBodyInSingleBuffer', {
    name: 'client_body_in_single_buffer',
    contexts: BODY_LEVELS,
    default: 'off',
    doc: 'Joins a body in memory to one piece, which saves work where $request_body is used.',
  }),
];

export function readTempPath(words: readonly Word[], cx: ReadContext): TempPath | undefined {
  const levels: number[] = [];
  for (const word of words.slice(1)) {
    const level = parseCount(word.text, 1, MAX_LEVEL_DIGITS);
    if (level === undefined) {
      return cx.problems.error(
        word.at,
        `"${word.text}" is no level: write how many digits name a directory, such as 1 2`,
      );
    }
    levels.push(level);
  }
  if (levels.reduce((sum, level) => sum + level, 0) > MAX_LEVEL_DIGITS) {
    return cx.problems.error(words[1].at, `levels take ${MAX_LEVEL_DIGITS} digits at most, all together`);
  }
  const directory = cx.resolvePath(words[0].text).replace(/(?<=.)\/$/, '');
  return { directory, levels };
}
