// A configuration file with all that it includes, read into one tree. The only file of this room that touches the disk.
import { dirname, extname, isAbsolute, relative, resolve } from 'node:path';
import { failedCall } from '../shared/failed-call.ts';
import { readFileWithin } from '../shared/read-file.ts';
import { textOf } from './file-text.ts';
import { foreignSyntax, looksLikeJson } from './foreign-syntax.ts';
import { glob, isGlob } from './glob.ts';
import { readJson, type ShapeOf } from './json/read.ts';
import { parse } from './nginx/parse.ts';
import { places } from './places.ts';
import { Problems } from './problem.ts';
import type { Directive, Syntax, Tree, Word } from './tree.ts';

export type { JsonShape, ShapeOf } from './json/read.ts';

export interface LoadOptions {
  /** Directory that relative paths of settings start from; default the one of the main file. Includes always start there. */
  readonly prefix?: string;
  readonly shapeOf: ShapeOf;
  /** Gives the text of an absolute path, or throws; patterns of `include` look at the disk all the same. */
  readonly readFile?: (path: string) => string;
  /** Whether the main file may be what the process was started with, `/dev/stdin` or `<(command)`, which is waited for; default yes. */
  readonly mayBeInput?: boolean;
}

export interface Loaded {
  /** Undefined when the main file could not be read. With errors in `problems` it is what could be understood. */
  readonly tree: Tree | undefined;
  readonly problems: Problems;
  /** Absolute. */
  readonly prefix: string;
}

/** Reads a configuration in either syntax. Never throws: what is wrong is in `problems`, each once. */
export function loadConfig(file: string, options: LoadOptions): Loaded {
  const path = resolve(file);
  const loader = new Loader(file, path, options);
  const tree = loader.load();
  return { tree, problems: loader.distinctProblems(), prefix: resolve(options.prefix ?? dirname(path)) };
}

/** All files of a configuration together; one that is included twice counts twice. A tree of it takes a hundred times the memory. */
const MAX_BYTES = 8 << 20;
const MAX_FILES = 50_000;
/** Files that include each other in turn, which nginx follows until its stack ends. */
const MAX_INCLUDE_DEPTH = 50;
/** Blocks nest at most this deep over all files, so that whoever walks a tree may recurse. */
const MAX_BLOCK_DEPTH = 100;

/** A file that is being read, and who included it. */
interface Reading {
  readonly path: string;
  /** As positions and messages call it. */
  readonly name: string;
  readonly from?: Reading;
  /** How many blocks and files it stands in. */
  readonly blocks: number;
  readonly includes: number;
}

class Loader {
  readonly #main: Reading;
  readonly #shapeOf: ShapeOf;
  readonly #readFile: (path: string) => string;
  readonly #sources = new Map<string, string>();
  readonly #problems = new Problems();
  #files = 0;
  #bytes = 0;
  /** A bound was passed, which is said once. */
  #full = false;
  #tooDeep = false;

  constructor(file: string, path: string, options: LoadOptions) {
    this.#main = { path, name: file, blocks: 0, includes: 0 };
    this.#shapeOf = options.shapeOf;
    this.#readFile =
      options.readFile ??
      ((p) => {
        const mayBeInput = p === path && options.mayBeInput !== false;
        return textOf(readFileWithin(p, { maxBytes: MAX_BYTES, mayBeInput }), p);
      });
  }

  load(): Tree | undefined {
    const { path, name } = this.#main;
    const text = this.#text(this.#main);
    if (typeof text !== 'string') {
      return this.#problems.error(
        { file: name, line: 1, column: 1 },
        `cannot read this file: ${text.reason}`,
        failedCall('open()', path, text.error),
      );
    }
    return {
      syntax: syntaxOf(path, text),
      file: path,
      directives: this.#read(this.#main, text, null),
      sources: this.#sources,
    };
  }

  /** A file that is included twice reports its problems twice; one is enough. */
  distinctProblems(): Problems {
    const distinct = new Problems();
    const seen = new Set<string>();
    for (const problem of this.#problems.list) {
      const key = JSON.stringify(problem);
      if (!seen.has(key)) distinct.add(problem);
      seen.add(key);
    }
    return distinct;
  }

  #text({ path, name }: Reading): string | { readonly reason: string; readonly error: unknown } {
    try {
      const text = this.#sources.get(name) ?? this.#readFile(path);
      this.#sources.set(name, text);
      this.#files++;
      this.#bytes += text.length;
      return text;
    } catch (error) {
      return { reason: reasonOf(error), error };
    }
  }

  #read(reading: Reading, text: string, parent: string | null): Directive[] {
    const syntax = syntaxOf(reading.path, text);
    const foreign = foreignSyntax(text, syntax);
    if (foreign !== undefined) {
      this.#problems.error(places(text, reading.name)(foreign.offset), foreign.message);
      return [];
    }
    const directives =
      syntax === 'json'
        ? readJson(text, reading.name, this.#problems, this.#shapeOf, parent)
        : parse(text, reading.name, this.#problems);
    if (text.includes(BROKEN)) this.#warnOfBroken(directives);
    return this.#splice(directives, parent, reading, reading.blocks);
  }

  /** Puts the content of files in the place of `include` directives, at every level. */
  #splice(
    directives: readonly Directive[],
    parent: string | null,
    reading: Reading,
    blocks: number,
  ): Directive[] {
    return directives.flatMap((directive) => {
      const { name, block } = directive;
      if (name === 'include') return this.#include(directive, parent, { ...reading, blocks });
      if (block === undefined) return directive;
      if (blocks === MAX_BLOCK_DEPTH) return this.#refuseDepth(directive);
      return { ...directive, block: this.#splice(block, name, reading, blocks + 1) };
    });
  }

  #refuseDepth({ at }: Directive): [] {
    if (!this.#tooDeep)
      this.#problems.error(at, `blocks nest more than ${MAX_BLOCK_DEPTH} deep: flatten them`);
    this.#tooDeep = true;
    return [];
  }

  #include({ args, block, at }: Directive, parent: string | null, from: Reading): Directive[] {
    if (args.length !== 1 || block !== undefined) {
      this.#problems.error(at, '"include" takes one path or pattern');
      return [];
    }
    const [word] = args;
    const base = dirname(this.#main.path);
    const paths = isGlob(word.text) ? glob(base, word.text, MAX_FILES) : [resolve(base, word.text)];
    if (paths === undefined) {
      this.#problems.error(at, `"${word.text}" matches more than ${MAX_FILES} files: name fewer`);
      return [];
    }
    const { blocks, includes } = from;
    return paths.flatMap((path) =>
      this.#includeFile(
        { path, name: this.#nameOf(path), from, blocks, includes: includes + 1 },
        word,
        parent,
      ),
    );
  }

  #includeFile(reading: Reading, word: Word, parent: string | null): Directive[] {
    for (let up = reading.from; up !== undefined; up = up.from) {
      if (up.path !== reading.path) continue;
      this.#problems.error(word.at, `files include each other in a circle: ${chainOf(reading, up)}`);
      return [];
    }
    const bound = this.#full ? '' : this.#passedBound(reading);
    if (bound !== undefined) {
      this.#full = true;
      if (bound !== '') this.#problems.error(word.at, `cannot include "${reading.path}": ${bound}`);
      return [];
    }
    const text = this.#text(reading);
    if (typeof text === 'string') return this.#read(reading, text, parent);
    this.#problems.error(
      word.at,
      `cannot include "${reading.path}": ${text.reason}`,
      failedCall('open()', reading.path, text.error),
    );
    return [];
  }

  /** Which bound one more file would pass; nothing is included from there on. */
  #passedBound({ includes }: Reading): string | undefined {
    if (includes > MAX_INCLUDE_DEPTH)
      return `files include each other more than ${MAX_INCLUDE_DEPTH} deep; include them from one place`;
    if (this.#files >= MAX_FILES)
      return `more than ${MAX_FILES} files are included; see whether some include each other many times`;
    if (this.#bytes > MAX_BYTES)
      return `the files are larger than ${MAX_BYTES >> 20} MB together; see whether some are included many times`;
    return undefined;
  }

  /** The main file as it was given, others alike: absolute where it is, else from the working directory, if they lie that way. */
  #nameOf(path: string): string {
    const main = this.#main.name;
    if (path === this.#main.path) return main;
    const fromHere = relative(process.cwd(), path);
    const elsewhere = isAbsolute(fromHere) || (fromHere.startsWith('..') && !main.startsWith('..'));
    return isAbsolute(main) || elsewhere ? path : fromHere;
  }

  #warnOfBroken(directives: readonly Directive[]): void {
    for (const { name, args, block, at } of directives) {
      for (const word of [{ text: name, at }, ...args]) {
        if (word.text.includes(BROKEN))
          this.#problems.tally('warning', word.at, 'this is not valid UTF-8: save the file as UTF-8');
      }
      if (block !== undefined) this.#warnOfBroken(block);
    }
  }
}

/** What reading as UTF-8 puts in the place of bytes that are none. In comments it does no harm. */
const BROKEN = '\uFFFD';

function syntaxOf(path: string, text: string): Syntax {
  const byName = ['.json', '.jsonc'].includes(extname(path).toLowerCase());
  return byName || looksLikeJson(text) ? 'json' : 'nginx';
}

/** `a.conf → b.conf → a.conf` */
function chainOf(last: Reading, first: Reading): string {
  const names = [last.name];
  for (let up = last.from; up !== undefined; up = up === first ? undefined : up.from) names.unshift(up.name);
  return names.join(' → ');
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory; name a file in it, or all of them with "/*"',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ERR_INVALID_ARG_VALUE: 'a NUL character stands in the path',
};

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
