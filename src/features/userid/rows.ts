// Rows of userid (ngx_http_userid_filter_module): a cookie by which a client is known again.
import { choice, HTTP_LEVELS, type ReadContext, type Row, setting } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount, parseTime } from '../../config/units.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly userid: 'off' | 'log' | 'v1' | 'on';
    /** null: the address that the client came to. */
    readonly useridService: number | null;
    readonly useridName: string;
    /** '' = none. */
    readonly useridDomain: string;
    readonly useridPath: string;
    /** 0 = with the browser's session, -1 = never. */
    readonly useridExpiresMs: number;
    readonly useridFlags: readonly string[];
    readonly useridP3p: string;
    /** '' = off. */
    readonly useridMark: string;
  }
}

export const useridDefaults = {
  userid: 'off',
  useridService: null,
  useridName: 'uid',
  useridDomain: '',
  useridPath: '/',
  useridExpiresMs: 0,
  useridFlags: [],
  useridP3p: '',
  useridMark: '',
} as const;

const TEXT = { contexts: HTTP_LEVELS, args: [1, 1] } as const;
const FLAGS = ['secure', 'httponly', 'samesite=strict', 'samesite=lax', 'samesite=none'];

export const useridRows: readonly Row[] = [
  choice('userid', ['off', 'log', 'v1', 'on'], {
    name: 'userid',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Gives clients that have none a cookie with a number of their own; log only reads it.',
  }),
  setting('useridService', {
    ...TEXT,
    name: 'userid_service',
    syntax: 'number',
    default: 'IP address of the server',
    doc: 'A number that stands in the cookies of this server.',
    read: ([word], cx) => {
      const number = parseCount(word.text);
      if (number !== undefined) return number;
      return cx.problems.error(word.at, `"userid_service": "${word.text}" is not a number`);
    },
  }),
  setting('useridName', {
    ...TEXT,
    name: 'userid_name',
    syntax: 'name',
    default: 'uid',
    doc: 'Name of the cookie.',
    read: ([{ text }]) => text,
  }),
  setting('useridDomain', {
    ...TEXT,
    name: 'userid_domain',
    syntax: 'name | none',
    default: 'none',
    doc: 'Domain of the cookie.',
    read: ([{ text }]) => (text === 'none' ? '' : text),
  }),
  setting('useridPath', {
    ...TEXT,
    name: 'userid_path',
    syntax: 'path',
    default: '/',
    doc: 'Path of the cookie.',
    read: ([{ text }]) => text,
  }),
  setting('useridExpiresMs', {
    ...TEXT,
    name: 'userid_expires',
    syntax: 'time | max | off',
    default: 'off',
    doc: 'How long the cookie is kept; max is until 2037.',
    read: readExpires,
  }),
  setting('useridFlags', {
    name: 'userid_flags',
    contexts: HTTP_LEVELS,
    args: [1, 3],
    syntax: 'off | flag …',
    default: 'off',
    repeat: 'union',
    doc: 'Flags of the cookie: secure, httponly, samesite=strict, samesite=lax, samesite=none.',
    read: readFlags,
  }),
  setting('useridP3p', {
    ...TEXT,
    name: 'userid_p3p',
    syntax: 'string | none',
    default: 'none',
    doc: 'Value of a P3P field beside the cookie.',
    read: ([{ text }]) => (text === 'none' ? '' : text),
  }),
  setting('useridMark', {
    ...TEXT,
    name: 'userid_mark',
    syntax: 'letter | digit | = | off',
    default: 'off',
    doc: 'A character in the place of the padding; a cookie without it is sent anew.',
    read: readMark,
  }),
];

function readExpires([word]: readonly Word[], cx: ReadContext): number | undefined {
  if (word.text === 'max') return -1;
  if (word.text === 'off') return 0;
  const ms = parseTime(word.text);
  if (ms !== undefined) return ms;
  return cx.problems.error(word.at, `"userid_expires": "${word.text}" is no time such as 365d, max or off`);
}

function readFlags(words: readonly Word[], cx: ReadContext): readonly string[] | undefined {
  const unknown = words.find(({ text }) => text !== 'off' && !FLAGS.includes(text));
  if (unknown === undefined) return words.map(({ text }) => text);
  const known = ['off', ...FLAGS].join(', ');
  return cx.problems.error(unknown.at, `"userid_flags": invalid value "${unknown.text}"; there are ${known}`);
}

function readMark([word]: readonly Word[], cx: ReadContext): string | undefined {
  if (word.text === 'off') return '';
  if (/^[A-Za-z0-9=]$/.test(word.text)) return word.text;
  return cx.problems.error(word.at, `"userid_mark": "${word.text}" is no letter, digit, = or off`);
}
