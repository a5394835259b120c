// nginx's try_files: the first of several paths that exists becomes the URI; else a last URI, named location or status answers.
import { isAbsolute } from 'node:path';
import type { Exchange, Step } from '../exchange/exchange.ts';
import type { Source } from '../exchange/flow.ts';
import { GO_ON, STOP } from '../exchange/slots.ts';
import { compileTemplate, constantOf, type VariableLookup } from '../route/template.ts';
import { failedCall } from '../shared/failed-call.ts';
import { noteFor } from './error-notes.ts';
import type { FileCopies } from './file-copies.ts';
import { ALIAS_OF_REWRITTEN, type FileMapping, forbiddenIn } from './file-path.ts';
import { goTo } from './internal-target.ts';
import { type LinkRule, linkCheckOf } from './link-rule.ts';
import type { TryFiles } from './rows.ts';
import { statChecked } from './symlinks.ts';

export interface TryFilesOptions {
  readonly setting: TryFiles;
  readonly root: ((exchange: Exchange) => string) | null;
  readonly mapping: FileMapping;
  /** Where a relative root starts. Absolute. */
  readonly prefix: string;
  readonly links: LinkRule | null;
  readonly copies: FileCopies;
  readonly lookup: VariableLookup;
  readonly report: (exchange: Exchange, message: string) => void;
  /** The page of its last status says what was looked for. */
  readonly errorDetail: boolean;
}

interface Candidate {
  readonly name: (exchange: Exchange) => string;
  readonly isDirectory: boolean;
}

const QUIET: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** A path that is looked for; `isDirectory`: only a directory will do. */
export interface TriedPath {
  readonly path: string;
  readonly isDirectory: boolean;
}

export interface TryFilesStep extends Step {
  /** All paths that may be looked for, in their order: what the first is that exists nobody has asked yet. */
  paths(x: Exchange): readonly TriedPath[];
}

export function createTryFiles(options: TryFilesOptions): TryFilesStep {
  const { setting, mapping, lookup } = options;
  const alias = mapping.kind === 'alias' ? mapping.prefix : '';
  // With variables a name may be the whole URI: then it begins with the prefix that alias replaces.
  const compile = (text: string): Candidate['name'] => {
    const name = compileTemplate(text, lookup);
    if (alias === '' || constantOf(text) !== undefined) return name;
    return (x) => {
      const value = name(x);
      return value.startsWith(alias) ? value.slice(alias.length) : value;
    };
  };
  const files = setting.files.map((text) => {
    const isDirectory = text.endsWith('/');
    return { name: compile(isDirectory ? text.slice(0, -1) : text), isDirectory };
  });
  const { last } = setting;
  const fallback = typeof last === 'number' ? () => '' : compile(last);
  const end = (x: Exchange): number => {
    if (typeof last === 'number') {
      if (options.errorDetail) noteTried(x, paths(x));
      return endsWith(x, last);
    }
    goTo(x, fallback(x));
    return STOP;
  };
  const paths = (x: Exchange): readonly TriedPath[] =>
    files.map(({ name, isDirectory }) => ({ path: baseOf(x, options) + name(x), isDirectory }));
  return {
    slot: 'try_files',
    paths,
    run(x) {
      if (mapping.kind === 'root' || x.locationHolds)
        return new Search(x, options, { files, alias, end }).run();
      options.report(x, ALIAS_OF_REWRITTEN);
      return 500;
    },
  };
}

function noteTried(x: Exchange, paths: readonly TriedPath[]): void {
  const named = paths.map(({ path, isDirectory }) => `"${path}${isDirectory ? '/' : ''}"`);
  noteFor(x, `try_files has looked for ${named.join(', ')}`);
}

/** A status as the answer; for one that is none nginx closes the connection without a word (ngx_http_finalize_request). */
function endsWith(x: Exchange, status: number): number {
  if (!SILENT.has(status) && (status >= 300 || status === 201 || status === 204)) return status;
  if (status >= 300) x.status = status;
  x.hangUp();
  return STOP;
}

const SILENT: ReadonlySet<number> = new Set([408, 444, 499]);

interface Plan {
  readonly files: readonly Candidate[];
  readonly alias: string;
  readonly end: (x: Exchange) => number;
}

/** What stands before each name. */
function baseOf(x: Exchange, { root: rootOf, prefix, mapping }: TryFilesOptions): string {
  const root = rootOf?.(x) ?? '';
  const base = isAbsolute(root) ? root : `${prefix}/${root}`;
  return mapping.kind === 'root' && base.endsWith('/') ? base.slice(0, -1) : base;
}

/** One request's search; the client may leave in the middle of it, and the ticket is stale then. */
class Search implements Source {
  readonly survivesHalfClose = true;
  readonly isPrompt = true;
  readonly #x: Exchange;
  readonly #options: TryFilesOptions;
  readonly #plan: Plan;
  readonly #base: string;
  #next = 0;

  constructor(x: Exchange, options: TryFilesOptions, plan: Plan) {
    this.#x = x;
    this.#options = options;
    this.#plan = plan;
    this.#base = baseOf(x, options);
  }

  onDrain(): void {}
  onGone(): void {}

  /** Looks as far as it goes without waiting. */
  run(): number {
    const { files, end } = this.#plan;
    const { copies } = this.#options;
    while (this.#next < files.length) {
      const candidate = files[this.#next++];
      const name = candidate.name(this.#x);
      const path = this.#base + name;
      // What may not be opened is not there.
      if (this.#options.root === null || forbiddenIn(path) !== '') continue;
      if (
        !candidate.isDirectory &&
        copies.find({ path, root: this.#base === '' ? '/' : this.#base }) !== null
      ) {
        this.#found(name, candidate);
        return GO_ON;
      }
      this.#look(name, path, candidate);
      return STOP;
    }
    return end(this.#x);
  }

  #look(name: string, path: string, candidate: Candidate): void {
    const ticket = this.#x.wait(this);
    statChecked(path, linkCheckOf(this.#options.links, path, this.#x), (error, stats) => {
      if (!this.#x.isCurrent(ticket)) return;
      if (stats !== null && stats.isDirectory() === candidate.isDirectory) {
        this.#found(name, candidate);
        return this.#x.resume(ticket, GO_ON);
      }
      if (error !== null && !QUIET.has(error.code))
        this.#options.report(this.#x, failedCall('stat()', path, error));
      const result = this.run();
      if (result !== STOP) this.#x.resume(ticket, result);
    });
  }

  #found(name: string, { isDirectory }: Candidate): void {
    const { kind } = this.#options.mapping;
    if (kind === 'root') this.#x.uri = name;
    else if (kind === 'alias') this.#x.uri = this.#plan.alias + name;
    else if (!isDirectory) {
      this.#x.uri = name;
      this.#x.uriInAlias = true;
    }
  }
}
