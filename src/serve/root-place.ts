// Where a location's files are, for variables. What a file handler serves it finds by the same mapping.
import { isAbsolute } from 'node:path';
import type { Exchange, FilePlace } from '../exchange/exchange.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import { type FileMapping, mapPath } from './file-path.ts';

/** Compiled when the first one asks: most locations have no need of it. */
export class RootPlace implements FilePlace {
  readonly #template: string;
  readonly #mapping: FileMapping;
  readonly #prefix: string;
  readonly #lookup: VariableLookup;
  #root: ((exchange: Exchange) => string) | null = null;

  constructor(template: string, mapping: FileMapping, prefix: string, lookup: VariableLookup) {
    // A slash at the end of what is written as root is the URI's first; one that a variable brings stays (ngx_http_core_root).
    this.#template = mapping.kind === 'root' && template.endsWith('/') ? template.slice(0, -1) : template;
    this.#mapping = mapping;
    this.#prefix = prefix;
    this.#lookup = lookup;
  }

  root(exchange: Exchange): string {
    this.#root ??= compileTemplate(this.#template, this.#lookup);
    const root = this.#root(exchange);
    return root === '' || isAbsolute(root) ? root : `${this.#prefix}/${root}`;
  }

  /** An alias replaces what its location matched: of a URI that was rewritten since nobody knows (ngx_http_map_uri_to_path). */
  path(exchange: Exchange): string | undefined {
    const root = this.root(exchange);
    if (this.#mapping.kind === 'root') return root + exchange.uri;
    if (!exchange.locationHolds || exchange.isUriChanged) return undefined;
    return mapPath(this.#mapping, root, exchange.uri)?.path;
  }
}
