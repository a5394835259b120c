// Cuts a path into a script's name and what is behind it (fastcgi_split_path_info), and completes that of a directory (fastcgi_index).
// As ngx_http_fastcgi_split does it; paths are bytes as latin1.
import type { ScriptPath } from '../../exchange/exchange.ts';
import { type Pattern, patternOf } from '../../route/pattern.ts';
import { toBytes } from '../../route/template.ts';

/** null where the path is the script's name as it is. */
export function scriptPathOf(settings: {
  readonly fastcgiIndex: string;
  readonly fastcgiSplitPathInfo: string;
}): ScriptPath | null {
  const { fastcgiIndex: index, fastcgiSplitPathInfo: split } = settings;
  if (index === '' && split === '') return null;
  return new SplitPath(toBytes(index), split === '' ? null : patternOf(split, false));
}

class SplitPath implements ScriptPath {
  readonly #index: string;
  readonly #pattern: Pattern | null;

  constructor(index: string, pattern: Pattern | null) {
    this.#index = index;
    this.#pattern = pattern;
  }

  nameOf(uri: string): string {
    const found = this.#pattern?.exec(uri) ?? null;
    const name = found === null ? uri : (found[1] ?? '');
    return name.endsWith('/') ? name + this.#index : name;
  }

  infoOf(uri: string): string {
    return this.#pattern?.exec(uri)?.[2] ?? '';
  }
}
