// nginx tokens to the tree. Reports every problem of a file in one reading and goes on behind each as well as it can.
import type { Problems } from '../problem.ts';
import type { Directive, Position } from '../tree.ts';
import { eachToken, type Token } from './lex.ts';

/** Blocks nest at most this deep, so that whoever walks a tree may recurse. Real files stay below ten. */
const MAX_DEPTH = 100;

type WordToken = Extract<Token, { kind: 'word' }>;
type Brace = Extract<Token, { kind: ';' | '{' | '}' }>;

/**
 * Parses a configuration in nginx syntax. `file` is the name that positions carry. Problems go to `problems`; when there are
 * any, the tree is what could be understood.
 */
export function parse(text: string, file: string, problems: Problems): Directive[] {
  const parser = new Parser(problems);
  eachToken(text, file, (token) => parser.take(token));
  return parser.root;
}

interface OpenBlock {
  readonly name: string;
  /** Of the directive's name. */
  readonly at: Position;
  readonly startsLine: boolean;
  readonly children: Directive[];
}

class Parser {
  readonly root: Directive[] = [];
  readonly #problems: Problems;
  readonly #open: OpenBlock[] = [];
  #words: WordToken[] = [];
  /** Line on which the token before this one ended. */
  #lastLine = 0;
  #startsLine = false;
  /** Whether the statement being read began its line. */
  #statementStartsLine = false;
  /** Where braces and indentation first disagree: the likely home of a brace too few or too many. */
  #suspicion = '';
  #tooDeep = false;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  take(token: Token): void {
    this.#startsLine = token.at.line > this.#lastLine;
    if (token.kind === 'word') this.#word(token);
    else if (token.kind === 'error') this.#problems.error(token.at, token.message);
    else if (token.kind === ';') this.#endStatement(token);
    else if (token.kind === '{') this.#openBlock(token);
    else if (token.kind === '}') this.#closeBlock(token);
    else this.#end(token.at);
    this.#lastLine = token.kind === 'word' ? token.endLine : token.at.line;
  }

  #into(): Directive[] {
    return this.#open.at(-1)?.children ?? this.root;
  }

  #word(token: WordToken): void {
    if (this.#words.length === 0) this.#statementStartsLine = this.#startsLine;
    this.#words.push(token);
  }

  #endStatement(token: Brace): void {
    if (this.#words.length === 0) {
      this.#problems.error(
        token.at,
        'unexpected ";": there is no directive before it; remove it',
        'unexpected ";"',
      );
    }
    this.#finish(token.at.line);
  }

  #openBlock(token: Brace): void {
    const children: Directive[] = [];
    const name = this.#words.at(0);
    const at = name?.at ?? token.at;
    if (name === undefined) {
      // The block is read for its own problems and then forgotten.
      this.#problems.error(
        token.at,
        'unexpected "{": the name of a block must stand before it',
        'unexpected "{"',
      );
    }
    const startsLine = name === undefined ? this.#startsLine : this.#statementStartsLine;
    this.#finish(token.at.line, children);
    this.#open.push({ name: name?.text ?? '{', at, startsLine, children });
    if (this.#open.length > MAX_DEPTH && !this.#tooDeep) {
      this.#tooDeep = true;
      this.#problems.error(at, `blocks are nested more than ${MAX_DEPTH} deep: are closing braces missing?`);
    }
  }

  #closeBlock(token: Brace): void {
    if (this.#words.length > 0) this.#missingSemicolon(token.at, 'unexpected "}"');
    this.#finish(token.at.line);
    const block = this.#open.pop();
    if (block === undefined) {
      this.#problems.error(
        token.at,
        `unexpected "}": it closes no block${this.#suspicion}`,
        'unexpected "}"',
      );
      this.#suspicion = '';
      return;
    }
    const misfits = this.#startsLine && block.startsLine && token.at.column !== block.at.column;
    if (this.#suspicion === '' && misfits && token.at.line !== block.at.line) {
      const closes = `"}" of line ${token.at.line} closes "${block.name}" of line ${block.at.line}`;
      this.#suspicion = `; by the indentation, look at line ${token.at.line} first: the ${closes}`;
    }
  }

  #end(at: Position): void {
    if (this.#words.length > 0)
      this.#missingSemicolon(at, 'unexpected end of file, expecting ";"', ' or "}"');
    this.#finish(at.line);
    if (this.#open.length === 0) return;
    const names = this.#open.toReversed().map((block) => `"${block.name}" of line ${block.at.line}`);
    const shown = names.length > 5 ? [...names.slice(0, 4), `${names.length - 4} more blocks`] : names;
    const what = `unexpected end of file, expecting "}" to close ${shown.join(' and ')}`;
    this.#problems.error(at, what + this.#suspicion, 'unexpected end of file, expecting "}"');
  }

  #missingSemicolon(at: Position, what: string, nginxSays = ''): void {
    const glued = this.#words.find((word) => /^[^{]+\}$/.test(word.text));
    const last = this.#words.at(-1);
    const hint =
      glued === undefined
        ? `is a ";" missing at the end of line ${last?.endLine}?`
        : `"${glued.text}" of line ${glued.at.line} is one word; write "${glued.text.slice(0, -1)}; }"`;
    this.#problems.error(at, `${what}: ${hint}`, what + nginxSays);
  }

  /** Ends the statement on that line: its words become a directive, a block when `block` is given. */
  #finish(line: number, block?: Directive[]): void {
    const words = this.#words;
    const name = words.shift();
    this.#words = [];
    if (name === undefined || this.#open.length > MAX_DEPTH) return;
    for (const { oddBlank } of words) {
      if (oddBlank !== undefined) this.#problems.tally('warning', oddBlank.at, oddBlank.message);
    }
    // The words that it should separate are one that nobody knows: this is said of it, and no more.
    const odd = name.oddBlank;
    if (odd !== undefined) return this.#problems.tally('error', odd.at, odd.message);
    const ending = (at: Position): Position => (at.line === line ? at : { ...at, endLine: line });
    const args = words.map(({ text, at }) => ({ text, at: ending(at) }));
    const text = name.text;
    const at = ending(name.at);
    this.#into().push(block === undefined ? { name: text, args, at } : { name: text, args, block, at });
  }
}
