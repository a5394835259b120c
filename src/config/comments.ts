// The comments of a configuration, given to the directives that they stand in front of, or beside: for a file that is written anew.
import { createScanner } from 'jsonc-parser';
import { looksLikeJson } from './foreign-syntax.ts';
import { eachToken } from './nginx/lex.ts';
import { places, withoutBom } from './places.ts';
import type { Directive, Tree } from './tree.ts';

interface Comment {
  readonly line: number;
  /** Behind its sign, without blanks at its end. */
  readonly text: string;
}

/** Comments in front of the place that they are looked for at. */
class Queue {
  readonly #comments: readonly Comment[];
  #next = 0;

  constructor(comments: readonly Comment[]) {
    this.#comments = comments;
  }

  upTo(line: number): string[] {
    const from = this.#next;
    while (this.#next < this.#comments.length && this.#comments[this.#next].line <= line) this.#next++;
    return this.#comments.slice(from, this.#next).map(({ text }) => text);
  }
}

export interface Commented {
  readonly directives: readonly Directive[];
  /** Those behind the last directive of the main file. */
  readonly ending: readonly string[];
}

/** The directives of a tree with their comments; `main` is the name of the file whose end is asked for. */
export function withComments({ directives, sources }: Tree, main: string): Commented {
  const queues = new Map([...sources].map(([name, text]) => [name, new Queue(commentsOf(text))]));
  const add = (block: readonly Directive[]): Directive[] =>
    block.map((directive) => {
      const comments = queues.get(directive.at.file)?.upTo(directive.at.line) ?? [];
      const inner = directive.block === undefined ? {} : { block: add(directive.block) };
      return { ...directive, ...inner, ...(comments.length === 0 ? {} : { comments }) };
    });
  const all = add(directives);
  return { directives: all, ending: queues.get(main)?.upTo(Number.POSITIVE_INFINITY) ?? [] };
}

function commentsOf(text: string): Comment[] {
  if (looksLikeJson(text)) return jsonComments(withoutBom(text));
  return IS_INI.test(text) ? iniComments(text) : nginxComments(text);
}

/** supervisord.conf: a section stands in front of all else. */
const IS_INI = /^\uFEFF?(?:[ \t]*(?:[;#].*)?\r?\n)*\[[\w-]+(?::[^\]\n]*)?\]/;

/** Lines of their own; what stands behind a value may be part of it. */
function iniComments(text: string): Comment[] {
  return text.split('\n').flatMap((line, i) => {
    const comment = /^\s*[;#](.*)$/.exec(line)?.[1];
    return comment === undefined ? [] : [{ line: i + 1, text: comment.trimEnd() }];
  });
}

function nginxComments(source: string): Comment[] {
  const found: Comment[] = [];
  const place = places(withoutBom(source), '');
  const add = (text: string, start: number, end: number): void => {
    found.push({ line: place(start).line, text: text.slice(start + 1, end).trimEnd() });
  };
  eachToken(source, '', () => {}, add);
  return found;
}

function jsonComments(text: string): Comment[] {
  const scanner = createScanner(text, false);
  const place = places(text, '');
  const found: Comment[] = [];
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const offset = scanner.getTokenOffset();
    const token = text.slice(offset, offset + scanner.getTokenLength());
    const { line } = place(offset);
    if (token.startsWith('//')) found.push({ line, text: token.slice(2).trimEnd() });
    if (!token.startsWith('/*')) continue;
    const lines = token.replace(/^\/\*+|\*+\/$/g, '').split('\n');
    for (const [i, each] of lines.entries())
      if (each.trim() !== '')
        found.push({ line: line + i, text: ` ${each.replace(/^\s*\*?\s?/, '').trimEnd()}` });
  }
  return found;
}
