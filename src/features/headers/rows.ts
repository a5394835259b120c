// Rows of nginx's headers module: fields and trailers that answers get, and how long they may be kept.
import { choice, HTTP_AND_IF, list, type ReadContext, type Row, setting } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseTime } from '../../config/units.ts';

/**
 * `access` counts from now, `modified` from Last-Modified; offsets are seconds and may be negative. `daily` is the next time
 * this second of the local day comes. `template` is read anew for every answer.
 */
export type ExpiresSetting =
  | { readonly kind: 'off' }
  | { readonly kind: 'epoch' }
  | { readonly kind: 'max' }
  | { readonly kind: 'access' | 'modified'; readonly offsetSeconds: number }
  | { readonly kind: 'daily'; readonly secondOfDay: number }
  | { readonly kind: 'template'; readonly text: string; readonly modified: boolean };

/** One add_header or add_trailer. */
export interface HeaderEntry {
  readonly name: string;
  /** Template; '' adds none. */
  readonly value: string;
  /** With every status, and not only with those of answers that went well. */
  readonly always: boolean;
}

/** Whether a level gets what the one around it has: never; where it has none of its own; together with its own. */
export const INHERITS = ['on', 'off', 'merge'] as const;
export type Inherits = (typeof INHERITS)[number];

declare module '../../config/model.ts' {
  interface Settings {
    readonly expires: ExpiresSetting;
    readonly addHeaders: readonly HeaderEntry[];
    readonly addHeaderInherit: Inherits;
    readonly addTrailers: readonly HeaderEntry[];
    readonly addTrailerInherit: Inherits;
  }
}

export const headersDefaults = {
  expires: { kind: 'off' },
  addHeaders: [],
  addHeaderInherit: 'on',
  addTrailers: [],
  addTrailerInherit: 'on',
} as const;

const STATUSES = '200, 201, 204, 206, 301, 302, 303, 304, 307 and 308';

export const headersRows: readonly Row[] = [
  setting('expires', {
    name: 'expires',
    contexts: HTTP_AND_IF,
    args: [1, 2],
    syntax: '[modified] time | @time-of-day | epoch | max | off',
    default: 'off',
    doc: `Sets Expires and Cache-Control of answers with status ${STATUSES}. The time may hold variables.`,
    read: readExpires,
  }),
  list('addHeaders', {
    name: 'add_header',
    contexts: HTTP_AND_IF,
    args: [2, 3],
    syntax: 'name value [always]',
    doc: `Adds a field to answers with status ${STATUSES}; with always to all. An empty value adds none. A level that has any inherits none.`,
    read: readHeader,
  }),
  choice('addHeaderInherit', INHERITS, {
    name: 'add_header_inherit',
    contexts: HTTP_AND_IF,
    default: 'on',
    doc: 'What a level gets of the add_header around it: on = all, where it has none itself; off = none; merge = all, behind its own.',
  }),
  list('addTrailers', {
    name: 'add_trailer',
    contexts: HTTP_AND_IF,
    args: [2, 3],
    syntax: 'name value [always]',
    doc: 'Adds a trailer field behind the body, by the rules of add_header. The answer is chunked then; HTTP/1.0 has no trailers.',
    read: readHeader,
  }),
  choice('addTrailerInherit', INHERITS, {
    name: 'add_trailer_inherit',
    contexts: HTTP_AND_IF,
    default: 'on',
    doc: 'What a level gets of the add_trailer around it, as add_header_inherit says it.',
  }),
];

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

function readHeader([name, value, always]: readonly Word[], cx: ReadContext): HeaderEntry | undefined {
  const { name: directive } = cx.directive;
  // A line that is never sent: it stands there to take nothing over from the level around it.
  const isUnsent = value.text === '';
  if (!isUnsent && !TOKEN.test(name.text)) {
    const bare = name.text.slice(0, -1);
    const advice = name.text.endsWith(':') && TOKEN.test(bare) ? `; write it without the colon: ${bare}` : '';
    return cx.problems.error(name.at, `"${directive}": "${name.text}" is no field name${advice}`);
  }
  if (always !== undefined && always.text !== 'always') {
    return cx.problems.error(
      always.at,
      `"${directive}": "${always.text}" is unknown; only "always" may stand here`,
    );
  }
  return { name: name.text, value: cx.template(value), always: always !== undefined };
}

function readExpires(words: readonly Word[], cx: ReadContext): ExpiresSetting | undefined {
  const modified = words.length === 2;
  if (modified && words[0].text !== 'modified') {
    return cx.problems.error(
      words[0].at,
      `"expires": "${words[0].text}" is unknown; only "modified" may stand here`,
    );
  }
  const word = words[words.length - 1];
  if (word.text.includes('$')) return { kind: 'template', text: cx.template(word), modified };
  const value = parseExpires(word.text, modified);
  if (value !== undefined) return value;
  const forms = modified
    ? 'a time such as 24h or -1h'
    : 'a time such as 30d, -1 or @15h30m, or epoch, max, off';
  return cx.problems.error(word.at, `"expires": "${word.text}" is not ${forms}`);
}

const DAY_SECONDS = 24 * 3600;

/** The value of a text; undefined when it has none of the forms. `modified` lets only times pass. */
export function parseExpires(
  text: string,
  modified: boolean,
): Exclude<ExpiresSetting, { kind: 'template' }> | undefined {
  if (!modified && (text === 'epoch' || text === 'max' || text === 'off')) return { kind: text };
  const sign = text.charAt(0);
  const seconds = parseSeconds('@+-'.includes(sign) ? text.slice(1) : text);
  if (seconds === undefined) return undefined;
  if (sign === '@')
    return modified || seconds > DAY_SECONDS ? undefined : { kind: 'daily', secondOfDay: seconds };
  // No negative zero: `-0` is 0.
  const offsetSeconds = sign === '-' && seconds > 0 ? -seconds : seconds;
  return { kind: modified ? 'modified' : 'access', offsetSeconds };
}

/** Whole seconds: nginx takes no `ms` here. */
function parseSeconds(text: string): number | undefined {
  const ms = text.includes('ms') ? undefined : parseTime(text);
  return ms === undefined ? undefined : ms / 1000;
}
