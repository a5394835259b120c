// Rows of valid_referers (ngx_http_referer_module): whose pages may link here.
import { type Context, ignored, type ReadContext, type Row } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';

/** A name with `*` at its begin or end, a dot before it, or a regular expression behind `~`; and how the path must begin. */
export interface RefererName {
  readonly name: string;
  /** '' = any path. */
  readonly path: string;
}

export interface Referers {
  /** No Referer is fine, too. */
  readonly none: boolean;
  /** Also one that a proxy on the way has made unreadable: without http:// or https://. */
  readonly blocked: boolean;
  /** The names of the server. */
  readonly serverNames: boolean;
  readonly names: readonly RefererName[];
}

declare module '../../config/model.ts' {
  interface Settings {
    /** One for each valid_referers of the level. */
    readonly validReferers: readonly Referers[];
  }
}

export const refererDefaults = { validReferers: [] } as const;

const PLACES: readonly Context[] = ['server', 'location'];

export const refererRows: readonly Row[] = [
  {
    kind: 'setting',
    key: 'validReferers',
    repeat: 'append',
    name: 'valid_referers',
    contexts: PLACES,
    args: [1, 1000],
    syntax: 'none | blocked | server_names | string …',
    doc: 'Referers with which $invalid_referer is empty: host names with or without *, also with the begin of a path, and regular expressions behind ~.',
    read: readReferers,
  },
  ...['referer_hash_max_size', 'referer_hash_bucket_size'].map((name) =>
    ignored(name, PLACES, 'names are found without tables of a fixed size', { args: [1, 1] }),
  ),
];

function readReferers(words: readonly Word[], cx: ReadContext): Referers | undefined {
  const names: RefererName[] = [];
  for (const word of words) {
    const { text, at } = word;
    if (text === '') return cx.problems.error(at, 'invalid referer "": write a host name');
    if (text === 'none' || text === 'blocked' || text === 'server_names') continue;
    if (text.startsWith('~')) {
      if (!cx.pattern(word, text.slice(1), true)) return undefined;
      names.push({ name: text, path: '' });
      continue;
    }
    const slash = text.indexOf('/');
    const name = (slash < 0 ? text : text.slice(0, slash)).toLowerCase();
    if (!isHostName(name)) return cx.problems.error(at, `invalid hostname or wildcard "${name}"`);
    if (names.some((other) => other.name === name))
      return cx.problems.error(at, `conflicting parameter "${name}": it stands here twice`);
    names.push({ name, path: slash < 0 ? '' : text.slice(slash) });
  }
  const has = (what: string): boolean => words.some(({ text }) => text === what);
  return { none: has('none'), blocked: has('blocked'), serverNames: has('server_names'), names };
}

/** One wildcard at most, a whole label at one end; no empty labels. */
function isHostName(name: string): boolean {
  const bare = name.replace(/^(?:\*\.|\.)|\.\*$/, '');
  return bare !== '' && !bare.includes('*') && !bare.includes('..') && !bare.startsWith('.');
}
