// What a row is given to read a directive with. One is made for each directive, so it is an object of a class: closures would be four more.
import { isAbsolute, resolve } from 'node:path';
import { checkPattern, type PatternReader } from './check-pattern.ts';
import type { Problems } from './problem.ts';
import type { Context, ReadContext } from './row.ts';
import type { Directive, Syntax, Tree, Word } from './tree.ts';

/** Whoever reads the tree. */
export interface TreeReader extends PatternReader {
  readonly tree: Pick<Tree, 'syntax'>;
  readonly prefix: string;
  /** As `Settings.configPrefix`, never ''. */
  readonly configPrefix: string;
  template(word: Word): string;
}

/** What nginx looks for beside its configuration (ngx_conf_full_name), and not below its prefix. */
const BESIDE_CONFIGURATION = /^(?:[a-z]+_)?ssl_|^auth_basic_user_file$/;

export class DirectiveReading implements ReadContext {
  readonly problems: Problems;
  readonly directive: Directive;
  readonly context: Context;
  readonly #reader: TreeReader;

  constructor(reader: TreeReader, directive: Directive, context: Context) {
    this.problems = reader.problems;
    this.directive = directive;
    this.context = context;
    this.#reader = reader;
  }

  get syntax(): Syntax {
    return this.#reader.tree.syntax;
  }

  resolvePath(path: string): string {
    if (isAbsolute(path)) return path;
    const { prefix, configPrefix } = this.#reader;
    return resolve(BESIDE_CONFIGURATION.test(this.directive.name) ? configPrefix : prefix, path);
  }

  template(word: Word): string {
    return this.#reader.template(word);
  }

  pattern(word: Word, pattern: string, caseless: boolean): boolean {
    return checkPattern(word, pattern, caseless, this.#reader);
  }

  makeVariable(name: string, word: Word): void {
    this.#reader.makeVariable(name, word.at);
  }
}
