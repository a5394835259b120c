// `listen 9000` without its `;` takes the words of the next line as arguments. Where such a line begins with a directive's name, this
// tells the two apart.
import type { Directive } from './tree.ts';

export interface Split {
  readonly first: Directive;
  readonly rest: Directive;
}

/**
 * Cuts a directive of nginx syntax before the first line that reads as a directive of its own: a name that may stand here, followed
 * by a word or a block. Undefined where none does.
 */
export function splitAtLine(directive: Directive, isName: (name: string) => boolean): Split | undefined {
  const { args } = directive;
  // Most stand on one line.
  if (args.length === 0 || args[args.length - 1].at.line === directive.at.line) return undefined;
  let line = directive.at.line;
  for (const [i, word] of args.entries()) {
    const startsLine = word.at.line > line;
    line = word.at.line;
    if (!startsLine || !isName(word.text)) continue;
    const follows = args[i + 1]?.at.line === line || (i === args.length - 1 && directive.block !== undefined);
    if (!follows) continue;
    const { block, ...bare } = directive;
    return {
      first: { ...bare, args: args.slice(0, i) },
      rest: { name: word.text, args: args.slice(i + 1), at: word.at, ...(block && { block }) },
    };
  }
  return undefined;
}

/** The question that belongs to a split. */
export function askForSemicolon({ first, rest }: Split): string {
  const line = first.args.at(-1)?.at.line ?? first.at.line;
  return `is a ";" missing at the end of line ${line}, before "${rest.name}"?`;
}
