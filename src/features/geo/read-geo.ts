// The lines of a `geo` block → GeoModel, as ngx_http_geo reads them. Every problem is told with its place.
import type { ReadContext } from '../../config/row.ts';
import type { Directive, Word } from '../../config/tree.ts';
import { layOut } from './address-parts.ts';
import { GeoNetworks } from './geo-networks.ts';
import { GeoRanges } from './geo-ranges.ts';
import { GeoValues } from './geo-values.ts';
import type { GeoModel } from './rows.ts';

export interface ReadGeo {
  readonly volatile: boolean;
  readonly geo: GeoModel;
}

/** Undefined after a report. */
export function readGeo(directive: Directive, cx: ReadContext): ReadGeo | undefined {
  const reader = new GeoReader(cx);
  for (const entry of directive.block ?? []) reader.entry(entry);
  const { volatile } = reader;
  if (directive.args.length === 1) return { volatile, geo: reader.model(null) };
  const [word] = directive.args;
  const source = /^\$(\w+)$/.exec(word.text)?.[1];
  if (source !== undefined) {
    const text = cx.template({ ...word, text: `$${source}` });
    return { volatile, geo: reader.model(text.slice(1)) };
  }
  return cx.problems.error(word.at, `"${word.text}" is no variable; write geo $address $variable { … }`);
}

class GeoReader {
  volatile = false;
  readonly #cx: ReadContext;
  readonly #values = new GeoValues();
  #ranges: GeoRanges | null = null;
  #networks: GeoNetworks | null = null;
  #proxies: GeoNetworks | null = null;
  #recursive = false;

  constructor(cx: ReadContext) {
    this.#cx = cx;
  }

  model(source: string | null): GeoModel {
    const { list: values } = this.#values;
    const rest = { source, values, recursive: this.#recursive, proxies: this.#proxies?.parts(0) ?? null };
    if (this.#ranges !== null) return { ...rest, v4: this.#ranges.parts(), v6: null };
    return { ...rest, ...(this.#networks?.parts(0) ?? { v4: layOut([], 0, 4), v6: layOut([], 0, 6) }) };
  }

  entry({ name, args, block, at }: Directive): void {
    const { problems } = this.#cx;
    if (block !== undefined) {
      problems.error(
        at,
        `"${name}" has a block: a line of "geo" is a network and its value, 10.0.0.0/8 "a";`,
      );
    } else if (args.length === 0 && name === 'ranges') this.#useRanges({ text: name, at });
    else if (args.length === 0 && name === 'proxy_recursive') this.#recursive = true;
    else if (args.length === 0 && name === 'volatile') this.volatile = true;
    else if (args.length !== 1) {
      const count =
        args.length === 0 ? '1 word' : `${args.length + 1} words; a text with blanks stands in quotes`;
      problems.error(at, `a line of "geo" is a network and its value, not ${count}`);
    } else if (name === 'proxy') {
      this.#proxies ??= new GeoNetworks(problems, null);
      this.#proxies.add(args[0], 1);
    } else this.#pair({ text: name, at }, args[0]);
  }

  #useRanges({ at }: Word): void {
    if (this.#networks !== null)
      this.#cx.problems.error(at, '"ranges" must stand before all networks; move it to the top of the block');
    else this.#ranges ??= new GeoRanges(this.#cx.problems, this.#values);
  }

  #pair(key: Word, value: Word): void {
    if (this.#ranges === null) this.#networks ??= new GeoNetworks(this.#cx.problems, this.#values);
    const into = this.#ranges ?? this.#networks;
    if (into === null) return;
    if (key.text === 'default') into.setDefault(this.#values.indexOf(value.text), key);
    else if (key.text === 'delete') into.remove(value);
    else into.add(key, this.#values.indexOf(value.text));
  }
}
