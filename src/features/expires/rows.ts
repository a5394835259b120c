// The `expires` row: how long an answer may be kept, as nginx's headers module reads it.
import { HTTP_AND_IF, type ReadContext, type Row, setting } from '../../config/row.ts';
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

declare module '../../config/model.ts' {
  interface Settings {
    readonly expires: ExpiresSetting;
  }
}

export const expiresDefaults = { expires: { kind: 'off' } } as const;

export const expiresRows: readonly Row[] = [
  setting('expires', {
    name: 'expires',
    contexts: HTTP_AND_IF,
    args: [1, 2],
    syntax: '[modified] time | @time-of-day | epoch | max | off',
    default: 'off',
    doc: 'Sets Expires and Cache-Control of answers with status 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308. The time may hold variables.',
    read: readExpires,
  }),
];

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
