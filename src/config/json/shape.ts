// What the JSON reader knows of directives.

/** What the reader must know of a directive to read its JSON value. */
export interface JsonShape {
  /** Canonical directive name. */
  readonly name: string;
  readonly minArgs: number;
  /** 0: takes none, so that a block's object is its content and `true` alone sets the directive. */
  readonly maxArgs: number;
  /** Several are allowed in a block. */
  readonly repeat: boolean;
  /** Opens a block. */
  readonly block: boolean;
  /** An object of names, of which there may be none. */
  readonly names?: boolean;
  /** The arguments as documentation shows them: true and false stand for words of theirs. */
  readonly syntax?: string;
  /** Directives of one kind keep their order among each other, whatever they are called: allow and deny, set and if. */
  readonly kind?: string;
  /** What several in a block are that are no list: one of all their arguments, or the last one. */
  readonly together?: 'union' | 'last' | 'nothing';
}

/** The key of a list of objects that are read one after the other: where set, if, set stand in turn, no object has that order. */
export const IN_ORDER = 'in_order';

/** Finds the shape of a key inside the directive `parent`, a canonical name; null is the top of the file. */
export type ShapeOf = (name: string, parent: string | null) => JsonShape | undefined;

/** Keys that stand for several blocks. Fixed, as they are the frame that every other key hangs in. */
export const PLURALS: Readonly<Record<string, JsonShape>> = {
  upstreams: { name: 'upstream', minArgs: 1, maxArgs: 1, repeat: true, block: true },
  programs: { name: 'program', minArgs: 1, maxArgs: 1, repeat: true, block: true },
  servers: { name: 'server', minArgs: 0, maxArgs: 0, repeat: true, block: true },
  locations: { name: 'location', minArgs: 1, maxArgs: 2, repeat: true, block: true },
};

export const INCLUDE: JsonShape = { name: 'include', minArgs: 1, maxArgs: 1, repeat: true, block: false };

/** Blocks whose keys are no directives: the words that stand alone in them (`true` sets them), and those that may stand often. */
const ENTRIES: Readonly<
  Record<string, { readonly alone: readonly string[]; readonly often: readonly string[] }>
> = {
  types: { alone: [], often: [] },
  map: { alone: ['hostnames', 'volatile'], often: [] },
  geo: { alone: ['ranges', 'proxy_recursive'], often: ['proxy', 'delete'] },
  split_clients: { alone: [], often: [] },
  charset_map: { alone: [], often: [] },
  otel_exporter: { alone: [], often: ['header'] },
};

/** Whether the keys of a block are no directives. */
export function hasEntries(parent: string | null): boolean {
  return parent !== null && Object.hasOwn(ENTRIES, parent);
}

/** Of an entry of such a block: any name; a MIME type has many words, all others one value as it stands. Undefined in other blocks. */
export function entryShape(name: string, parent: string | null): JsonShape | undefined {
  if (parent === null || !hasEntries(parent)) return undefined;
  const { alone, often } = ENTRIES[parent];
  const shape = { name, block: false, repeat: often.includes(name) };
  if (parent === 'types') return { ...shape, minArgs: 1, maxArgs: 100, together: 'union' };
  if (alone.includes(name)) return { ...shape, minArgs: 0, maxArgs: 0 };
  if (parent === 'otel_exporter' && name === 'header') return { ...shape, minArgs: 2, maxArgs: 2 };
  return { ...shape, minArgs: 1, maxArgs: 1, syntax: 'value' };
}
