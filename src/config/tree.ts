// The tree that both syntaxes become: directives with arguments, blocks and places. Text in, no meaning yet.

/** A place in a file; line and column count from 1, the column in UTF-16 units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Line of the `;` or `{` behind the directive that this is a part of, where it is a later one: nginx names that. */
  readonly endLine?: number;
}

/** One argument, unquoted and unescaped, with its place. */
export interface Word {
  readonly text: string;
  readonly at: Position;
}

export interface Directive {
  readonly name: string;
  readonly args: readonly Word[];
  /** Present on block directives, even when empty. */
  readonly block?: readonly Directive[];
  readonly at: Position;
  /** Set by the JSON reader where a key stood for a list: `["a", "b"]`. Only for messages. */
  readonly fromList?: boolean;
  /** Those in front of it, each as it stands behind its sign. Only where a file is written anew. */
  readonly comments?: readonly string[];
}

export type Syntax = 'nginx' | 'json';

/** A whole configuration with its includes spliced in. */
export interface Tree {
  readonly syntax: Syntax;
  /** Absolute path of the file that was named. */
  readonly file: string;
  readonly directives: readonly Directive[];
  /** Every file that was read, by the name used in positions, in the order of reading: its exact text. */
  readonly sources: ReadonlyMap<string, string>;
}

/** All directives of blocks and of the blocks in them, in their order. Whoever looks for some goes through this: one walk serves all. */
export function everyDirective(directives: readonly Directive[]): readonly Directive[] {
  const all: Directive[] = [];
  const add = (inner: readonly Directive[]): void => {
    for (const directive of inner) {
      all.push(directive);
      if (directive.block !== undefined) add(directive.block);
    }
  };
  add(directives);
  return all;
}
