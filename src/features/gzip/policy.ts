// Whether a request's answer may be compressed: what gzip, gunzip and gzip_static ask, once for a request (ngx_http_gzip_ok).
import { parseHttpDate } from '../../answer/http-date.ts';
import type { Settings } from '../../config/model.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { CODING_OK, CODING_TESTED } from '../../exchange/slots.ts';
import type { AnswerHead } from '../../http/answer-head.ts';
import { isMsie6 } from '../../http/user-agent.ts';
import { compilePattern, Pattern } from '../../route/pattern.ts';
import { acceptsCoding } from './accepts.ts';
import type { GzipProxied } from './rows.ts';

type PolicySettings = Pick<Settings, 'gzipProxied' | 'gzipDisable' | 'gzipHttpVersion'>;

export class GzipPolicy {
  readonly #proxied: ReadonlySet<GzipProxied>;
  readonly #minor: number;
  readonly #msie6: boolean;
  readonly #disabled: readonly Pattern[];

  constructor({ gzipProxied, gzipDisable, gzipHttpVersion }: PolicySettings) {
    this.#proxied = new Set(gzipProxied);
    this.#minor = gzipHttpVersion === '1.1' ? 1 : 0;
    this.#msie6 = gzipDisable.includes('msie6');
    this.#disabled = gzipDisable
      .filter((text) => text !== 'msie6')
      .map((text) => compilePattern(text, true))
      .filter((pattern) => pattern instanceof Pattern);
  }

  /** `head` is null where the answer's fields are not known yet. */
  allows(x: Exchange, head: AnswerHead | null): boolean {
    if ((x.coding & CODING_TESTED) === 0) {
      x.coding |= CODING_TESTED;
      if (this.#test(x, head)) x.coding |= CODING_OK;
    }
    return (x.coding & CODING_OK) !== 0;
  }

  #test(x: Exchange, head: AnswerHead | null): boolean {
    const { request } = x;
    if (x.isSub) return false;
    const accept = request.get('accept-encoding');
    if (accept === undefined || !acceptsCoding(accept, 'gzip')) return false;
    const agent = request.get('user-agent');
    if (this.#msie6 && agent !== undefined && isMsie6(agent)) return false;
    if (request.minor < this.#minor) return false;
    if (request.find('via') >= 0 && !this.#allowsProxy(x, head)) return false;
    return agent === undefined || !this.#disabled.some((pattern) => pattern.exec(agent) !== null);
  }

  #allowsProxy(x: Exchange, head: AnswerHead | null): boolean {
    const proxied = this.#proxied;
    if (proxied.has('off')) return false;
    if (proxied.has('any')) return true;
    if (proxied.has('auth') && x.request.find('authorization') >= 0) return true;
    if (head === null) return true;
    const expires = head.get('expires');
    if (expires !== undefined) return proxied.has('expired') && isExpired(expires, x, head);
    const cacheControl = head.getAll('cache-control');
    if (cacheControl.length > 0)
      return CACHE_WORDS.some(
        ([word, pattern]) => proxied.has(word) && cacheControl.some((value) => pattern.test(value)),
      );
    // A file's own time is none that nginx's filter sees.
    if (proxied.has('no_last_modified') && !head.fileDate && head.get('last-modified') !== undefined)
      return false;
    return !proxied.has('no_etag') || head.tag === undefined;
  }
}

/** A word alone between separators; a semicolon behind it makes it another (ngx_http_parse_multi_header_lines). */
const CACHE_WORDS = [
  ['no-cache', /(?:^|[;,] *)no-cache *(?:,|$)/i],
  ['no-store', /(?:^|[;,] *)no-store *(?:,|$)/i],
  ['private', /(?:^|[;,] *)private *(?:,|$)/i],
] as const;

function isExpired(expires: string, x: Exchange, head: AnswerHead): boolean {
  const time = parseHttpDate(expires);
  if (time === Number.NEGATIVE_INFINITY) return false;
  const date = x.ownDate ? head.get('date') : undefined;
  if (date === undefined) return time < Math.floor(Date.now() / 1000);
  return time < parseHttpDate(date);
}
