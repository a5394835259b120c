// The head's half of charset: what Content-Type says, and whether the body is converted (ngx_http_charset_header_filter).
import { splitType, TypeSet } from '../../answer/content-type.ts';
import type { Exchange, Filter } from '../../exchange/exchange.ts';
import { JOIN, PASS } from '../../exchange/slots.ts';
import type { AnswerHead } from '../../http/answer-head.ts';
import type { Getter } from '../../route/template.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { CharsetLink } from './charset-link.ts';
import { compileTables, type Recoder } from './recode.ts';
import type { CharsetMap } from './rows.ts';

export const CHARSET: Feature = {
  name: 'charset',
  // Subrequests are converted to the charset of their page, whatever theirs is to be.
  filter: (place) =>
    place.settings.charset === 'off' && place.settings.charsetMaps.length === 0
      ? null
      : new CharsetFilter(place),
};

/** The tables of a configuration, which all its levels share. */
const compiled = new WeakMap<readonly CharsetMap[], ReadonlyMap<string, () => Recoder>>();

function tablesOf(maps: readonly CharsetMap[]): ReadonlyMap<string, () => Recoder> {
  const tables = compiled.get(maps) ?? compileTables(maps);
  compiled.set(maps, tables);
  return tables;
}

class CharsetFilter implements Filter {
  readonly slot = 'charset';
  readonly #place: FeaturePlace;
  readonly #types: TypeSet;
  readonly #wanted: Getter;
  readonly #source: Getter;
  readonly #tables: ReadonlyMap<string, () => Recoder>;
  /** Names that the configuration has, in lower case. */
  readonly #known: ReadonlySet<string>;
  /** Of the answer whose head was seen last: all is decided within one call. */
  #recoder: Recoder | null = null;

  constructor(place: FeaturePlace) {
    const { charset, sourceCharset, charsetTypes, charsetMaps } = place.settings;
    this.#place = place;
    this.#types = new TypeSet(charsetTypes);
    this.#wanted = nameOf(charset, place);
    this.#source = nameOf(sourceCharset, place);
    this.#tables = tablesOf(charsetMaps);
    const names = [...charsetMaps.flatMap(({ from, to }) => [from, to]), charset, sourceCharset];
    this.#known = new Set(
      names.filter((name) => name !== '' && !name.startsWith('$')).map((name) => name.toLowerCase()),
    );
  }

  head(x: Exchange, head: AnswerHead): number {
    const value = head.get('content-type') ?? '';
    if (x.isSub) return this.#toPage(x, head, value);
    if (value === '' || this.#place.settings.charset === 'off') return PASS;
    const { type, charset } = splitType(head, value);
    if (charset === '' ? !this.#types.has(head) : !this.#place.settings.overrideCharset) return PASS;
    const wanted = this.#wanted(x);
    const source = charset === '' ? this.#source(x) : charset;
    if (wanted === undefined || source === undefined) return PASS;
    if (charset === '' && this.#place.settings.sourceCharset === '') return say(head, value, wanted);
    return this.#convert(x, head, { type, value, wanted, source });
  }

  join(x: Exchange, next: ConstructorParameters<typeof CharsetLink>[1]): CharsetLink {
    return new CharsetLink(x, next, this.#recoder ?? NO_RECODER);
  }

  /** To the charset that the page says it has (ngx_http_main_request_charset). */
  #toPage(x: Exchange, head: AnswerHead, value: string): number {
    const wanted = PAGE_CHARSET.exec(x.main.lines)?.[1] ?? '';
    const source = splitType(head, value).charset || this.#source(x) || '';
    if (wanted === '' || source === '' || source.toLowerCase() === wanted.toLowerCase()) return PASS;
    if ((head.get('content-encoding') ?? '') !== '') return PASS;
    return this.#join(x, head, source, wanted);
  }

  #convert(x: Exchange, head: AnswerHead, { type, value, wanted, source }: Conversion): number {
    const [from, to] = [source.toLowerCase(), wanted.toLowerCase()];
    const areKnown = this.#known.has(from) && this.#known.has(to);
    // What nobody knows is left as the peer wrote it.
    if (from === to) return areKnown || type === value ? say(head, type, wanted) : PASS;
    if (areKnown && (head.get('content-encoding') ?? '') !== '') return PASS;
    const verdict = this.#join(x, head, source, wanted);
    if (verdict === JOIN) say(head, type, wanted);
    return verdict;
  }

  #join(x: Exchange, head: AnswerHead, source: string, wanted: string): number {
    const table = this.#tables.get(`${source.toLowerCase()} ${wanted.toLowerCase()}`);
    if (table === undefined) {
      this.#place.report(x, 'error', `no "charset_map" between the charsets "${source}" and "${wanted}"`);
      return PASS;
    }
    this.#recoder = table();
    if (!this.#recoder.keepsLength) {
      head.length = -1;
      head.seek = null;
      head.segments = null;
    }
    return JOIN;
  }
}

const PAGE_CHARSET = /^content-type: .*; *charset="?([^"\r]+)/im;

interface Conversion {
  readonly type: string;
  readonly value: string;
  readonly wanted: string;
  readonly source: string;
}

const NO_RECODER: Recoder = compileTables([{ from: 'a', to: 'b', pairs: [] }]).get('a b')?.() as Recoder;

/** A redirect's page does not say it: the next page may be in another one. */
function say(head: AnswerHead, type: string, charset: string): typeof PASS {
  head.mediaType = type;
  const isMoved = head.status === 301 || head.status === 302;
  head.set('Content-Type', isMoved || charset === '' ? type : `${type}; charset=${charset}`);
  return PASS;
}

/** In the letters in which the name stands first: maps stand before what uses them. */
function nameOf(given: string, { lookup, settings }: FeaturePlace): Getter {
  if (!given.startsWith('$')) {
    const names = settings.charsetMaps.flatMap(({ from, to }) => [from, to]);
    const name = names.find((each) => each.toLowerCase() === given.toLowerCase()) ?? given;
    return () => name;
  }
  const value = lookup(given.replace(/^\$\{?|\}$/g, '')) ?? (() => undefined);
  // A variable may hold anything: none ends the field.
  return (x) => value(x)?.replace(/[\r\n\0]/g, ' ');
}
