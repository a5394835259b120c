// The lines of a `map` block → MapModel, as ngx_http_map reads them. Every problem is told with its place.
import { formatPosition } from '../../config/problem.ts';
import type { ReadContext } from '../../config/row.ts';
import type { Directive, Position, Word } from '../../config/tree.ts';
import { type HostKey, lowerCase, readHostKey } from './host-key.ts';
import type { MapEntry, MapModel, MapRegex } from './rows.ts';

export function readMap(directive: Directive, cx: ReadContext): { volatile: boolean; map: MapModel } {
  const reader = new MapReader(cx);
  const source = cx.template(directive.args[0]);
  for (const entry of directive.block ?? []) reader.entry(entry);
  return { volatile: reader.volatile, map: reader.model(source) };
}

class MapReader {
  volatile = false;
  readonly #cx: ReadContext;
  #hostnames = false;
  #fallback: { readonly value: string; readonly at: Position } | null = null;
  readonly #entries: Record<HostKey['kind'], MapEntry[]> = { exact: [], suffix: [], domain: [], prefix: [] };
  readonly #regexes: MapRegex[] = [];
  /** Keys that another one must not take again, and where they stand. */
  readonly #taken = new Map<string, Position>();

  constructor(cx: ReadContext) {
    this.#cx = cx;
  }

  model(source: string): MapModel {
    const { exact, suffix: suffixes, domain: domains, prefix: prefixes } = this.#entries;
    const [hostnames, fallback, regexes] = [this.#hostnames, this.#fallback?.value ?? '', this.#regexes];
    return { source, hostnames, fallback, exact, suffixes, domains, prefixes, regexes };
  }

  entry({ name, args, block, at }: Directive): void {
    const { problems } = this.#cx;
    if (block !== undefined) {
      problems.error(at, `"${name}" has a block: a line of "map" is a value and what it becomes, "a" "b";`);
    } else if (args.length === 0 && name === 'hostnames') this.#hostnames = true;
    else if (args.length === 0 && name === 'volatile') this.volatile = true;
    else if (args.length !== 1) {
      const count =
        args.length === 0 ? '1 word' : `${args.length + 1} words; a text with blanks stands in quotes`;
      problems.error(at, `a line of "map" is a value and what it becomes, not ${count}`);
    } else this.#pair({ text: name, at }, this.#cx.template(args[0]));
  }

  #pair(key: Word, value: string): void {
    const { text, at } = key;
    if (text === 'default') {
      if (this.#fallback === null) this.#fallback = { value, at };
      else this.#twice('default', at, this.#fallback.at);
    } else if (text.startsWith('~')) this.#regex(key, value);
    else this.#name(key, lowerCase(text.startsWith('\\') ? text.slice(1) : text), value);
  }

  #regex(key: Word, value: string): void {
    const caseless = key.text.startsWith('~*');
    const pattern = key.text.slice(caseless ? 2 : 1);
    if (this.#cx.pattern(key, pattern, caseless)) this.#regexes.push({ pattern, caseless, value });
  }

  #name({ at }: Word, text: string, value: string): void {
    const key: HostKey | undefined = this.#hostnames ? readHostKey(text) : { kind: 'exact', name: text };
    if (key === undefined) {
      const advice = 'a * stands only first (*.name) or last (name.*), and no two dots follow each other';
      this.#cx.problems.error(at, `invalid hostname or wildcard "${text}": ${advice}`);
      return;
    }
    const before = placesOf(key).find((place) => this.#taken.has(place));
    if (before !== undefined) this.#twice(text, at, this.#taken.get(before) ?? at);
    for (const place of placesOf(key)) this.#taken.set(place, at);
    this.#entries[key.kind].push([key.name, value]);
  }

  #twice(text: string, at: Position, first: Position): void {
    const where = at.file === first.file ? `at line ${first.line}` : `at ${formatPosition(first)}`;
    const what =
      text === 'default' ? '"default" is given twice in this map' : `conflicting parameter "${text}"`;
    this.#cx.problems.error(at, `${what}: the first is ${where}; remove one`);
  }
}

/** What a key takes for itself: `.name` does as well as `name` and `*.name`. */
function placesOf({ kind, name }: HostKey): readonly string[] {
  switch (kind) {
    case 'exact':
      return [`=${name}`];
    case 'suffix':
      return [`*${name}`];
    case 'domain':
      return [`=${name}`, `*${name}`];
    case 'prefix':
      return [`^${name}`];
  }
}
