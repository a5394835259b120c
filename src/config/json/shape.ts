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
}

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

/** Of an entry of `types`: any name, the value split into words. */
export const entryShape = (name: string): JsonShape => ({
  name,
  minArgs: 1,
  maxArgs: 100,
  repeat: false,
  block: false,
});
