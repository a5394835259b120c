// What the fields of an answer say of storing it: whether, until when, and which fields of a request it depends on. In the order in which
// they come, as nginx reads them (ngx_http_upstream_process_cache_control and its neighbours).
import { parseHttpDate } from '../answer/http-date.ts';

/** A peer's head. */
export interface HeadFields {
  readonly count: number;
  name(i: number): string;
  value(i: number): string;
}

export class Freshness {
  /** It may be stored at all. */
  cacheable = true;
  /** The present answer must not be, whatever directives say. */
  noCache = false;
  expired = false;
  /** Seconds since the epoch; 0 = the fields do not say. */
  validSec = 0;
  updatingSec = 0;
  errorSec = 0;
  vary = '';
  readonly #nowSec: number;
  readonly #ignored: ReadonlySet<string>;
  #accelSeen = false;
  #expiresSeen = false;

  constructor(ignored: ReadonlySet<string>, nowSec: number) {
    this.#ignored = ignored;
    this.#nowSec = nowSec;
  }

  get storable(): boolean {
    return this.cacheable && !this.noCache && !this.expired;
  }

  read(head: HeadFields): this {
    for (let i = 0; i < head.count; i++) {
      const name = head.name(i).toLowerCase();
      if (!READ.has(name) || this.#ignored.has(name)) {
        if (name === 'x-accel-expires') this.#accelSeen = true;
        continue;
      }
      this.#take(name, head.value(i));
    }
    return this;
  }

  #take(name: string, value: string): void {
    switch (name) {
      case 'set-cookie':
        this.cacheable = false;
        return;
      case 'cache-control':
        return this.#cacheControl(value.toLowerCase());
      case 'expires':
        return this.#expires(value);
      case 'x-accel-expires':
        return this.#accelExpires(value);
      default:
        return this.#vary(value);
    }
  }

  #cacheControl(value: string): void {
    if (this.validSec === 0 || !this.#accelSeen) {
      if (/no-cache|no-store|private/.test(value)) {
        this.noCache = true;
        return;
      }
      const age = secondsAfter(value, 's-maxage=') ?? secondsAfter(value, 'max-age=');
      if (age !== undefined) {
        if (age < 0) {
          this.cacheable = false;
          return;
        }
        if (age === 0) {
          this.noCache = true;
          return;
        }
        this.validSec = this.#nowSec + age;
        this.expired = false;
      }
    }
    this.#extensions(value);
  }

  #extensions(value: string): void {
    const updating = secondsAfter(value, 'stale-while-revalidate=');
    if (updating !== undefined) {
      if (updating < 0) {
        this.cacheable = false;
        return;
      }
      this.updatingSec = updating;
      this.errorSec = updating;
    }
    const error = secondsAfter(value, 'stale-if-error=');
    if (error === undefined) return;
    if (error < 0) this.cacheable = false;
    else this.errorSec = error;
  }

  #expires(value: string): void {
    if (this.#expiresSeen) return;
    this.#expiresSeen = true;
    if (this.validSec !== 0) return;
    const at = parseHttpDate(value);
    if (at < this.#nowSec) this.expired = true;
    else this.validSec = at;
  }

  #accelExpires(value: string): void {
    if (this.#accelSeen) return;
    this.#accelSeen = true;
    const m = /^(@?)(\d{1,15})$/.exec(value);
    if (m === null) return;
    const n = Number(m[2]);
    if (m[1] === '' && n === 0) {
      this.cacheable = false;
      return;
    }
    this.validSec = m[1] === '' ? this.#nowSec + n : n;
    this.noCache = false;
    this.expired = false;
  }

  #vary(value: string): void {
    if (!this.cacheable) return;
    if (value === '*') {
      this.cacheable = false;
      return;
    }
    this.vary = this.vary === '' ? value : `${this.vary}, ${value}`;
    if (this.vary.length > MAX_VARY_BYTES) this.cacheable = false;
  }
}

const READ: ReadonlySet<string> = new Set([
  'set-cookie',
  'cache-control',
  'expires',
  'x-accel-expires',
  'vary',
]);

const MAX_VARY_BYTES = 128;

/** The number behind a word; -1 where it is none, undefined without the word. */
function secondsAfter(value: string, word: string): number | undefined {
  const at = value.indexOf(word);
  if (at < 0) return undefined;
  const text = /^[^,; ]*/.exec(value.slice(at + word.length))?.[0] ?? '';
  if (!/^\d*$/.test(text)) return -1;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER / 2);
}
