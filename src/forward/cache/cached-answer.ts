// What a cache does beside the forwarding of a request: it judges the peer's answer, takes a copy of it, or puts what is stored in its place.
import { closeFile } from '../../answer/file-transfer.ts';
import { parseHttpDate } from '../../answer/http-date.ts';
import type { Entry, EntryFacts } from '../../cache/entry.ts';
import { Freshness } from '../../cache/freshness.ts';
import type { HeldLock } from '../../cache/lock.ts';
import { type CachePlace, digestOf, type EntryWriter } from '../../cache/place.ts';
import { variantOf } from '../../cache/variant.ts';
import type { CacheFacts, Exchange } from '../../exchange/exchange.ts';
import type { Seekable } from '../../http/answer-head.ts';
import type { ResponseHead } from '../../http/response-head.ts';
import type { Failure } from '../../shared/failure.ts';
import type { AnswerTap } from '../answer-tap.ts';
import type { ForwardOptions } from '../forward-options.ts';
import { wordOf } from '../next-upstream.ts';
import { anyHolds, type CacheOptions } from './options.ts';
import type { StaleWord } from './rows.ts';
import { headText, hideRanges, seekableOf, sendStored, storedHead } from './stored-answer.ts';

export type CacheStatus = '' | 'MISS' | 'BYPASS' | 'EXPIRED' | 'STALE' | 'UPDATING' | 'REVALIDATED' | 'HIT';

/** A location's cache, and the one that a request goes to. */
export interface CacheHere {
  readonly options: ForwardOptions;
  readonly cache: CacheOptions;
  readonly place: CachePlace;
  /** Asks the peer. */
  readonly forward: BeginForward;
}

/** Begins to forward; the tap hears of the answer. */
export type BeginForward = (x: Exchange, options: ForwardOptions, tap: AnswerTap | null) => void;

export class CachedAnswer implements AnswerTap, CacheFacts {
  protected readonly x: Exchange;
  protected readonly here: CacheHere;
  protected readonly key: string;
  protected readonly main: string;
  /** Digest of the key, or of the variant that the request gets. */
  protected digest: string;
  status: CacheStatus = '';
  storing = true;
  /** Of a body that an app need not send, as its client asked for the head alone. */
  #leftBytes = 0;
  lastModified = '';
  etag = '';
  /** What holds no longer, open. */
  protected entry: Entry | null = null;
  /** Others wait until this one has fetched it. */
  protected lock: HeldLock | null = null;
  #fresh: Freshness | null = null;
  #writer: EntryWriter | null = null;

  constructor(x: Exchange, here: CacheHere) {
    this.x = x;
    this.here = here;
    this.key = here.cache.key(x);
    this.main = digestOf(this.key);
    this.digest = this.main;
    x.cached = this;
  }

  get convertsHead(): boolean {
    return this.here.cache.convertsHead;
  }

  protected get path(): string {
    return this.here.place.pathOf(this.digest);
  }

  protected note(error: unknown): void {
    const { options, place } = this.here;
    const message = error instanceof Error ? error.message : String(error);
    options.log.note(this.x, 'error', `the cache "${place.spec.name}" cannot be used: ${message}`);
  }

  get outlives(): boolean {
    return this.storing;
  }

  takes(head: ResponseHead): boolean {
    const fresh = new Freshness(this.here.options.ignoreHeaders, nowSec()).read(head);
    this.#fresh = fresh;
    // Else the peer was asked by the client's validators: its 304 says nothing of what is stored.
    const askedByOurs = this.storing;
    if (!fresh.cacheable) this.storing = false;
    if (this.status !== 'EXPIRED' || this.entry === null) return false;
    if (this.here.cache.useStale.has(`http_${head.status}` as StaleWord)) {
      this.status = 'STALE';
      return true;
    }
    if (head.status !== 304 || !this.here.cache.revalidates || !askedByOurs) return false;
    this.status = 'REVALIDATED';
    this.#renew(this.entry, fresh);
    return true;
  }

  /** It is the same still, and holds anew. */
  #renew(entry: Entry, given: Freshness): void {
    const now = nowSec();
    const head = storedHead(entry);
    let from = given;
    if (from.validSec === 0 && head !== null)
      from = new Freshness(this.here.options.ignoreHeaders, now).read(head);
    const valid = this.here.cache.validFor(head?.status ?? 0);
    const validSec = from.validSec || (valid === 0 ? 0 : now + valid);
    if (validSec === 0) return;
    const { updatingSec, errorSec } = from;
    this.here.place.renew(this.path, entry, { validSec, updatingSec, errorSec });
  }

  rescues(failure: Failure): boolean {
    const entry = this.entry;
    if (entry === null || this.status !== 'EXPIRED') return false;
    const word = failure === 'no_live_peer' ? 'error' : wordOf(failure);
    const isWanted = word !== undefined && this.here.cache.useStale.has(word as StaleWord);
    if (!isWanted && entry.times.validSec + entry.times.errorSec < nowSec()) return false;
    this.status = 'STALE';
    return true;
  }

  answer(): void {
    const entry = this.entry;
    this.entry = null;
    this.end(false);
    if (entry !== null) sendStored(this.x, entry, this.here.options, this.here.cache);
  }

  gaveUp(status: number): void {
    if (status === 502 || status === 504) this.#storeError(status, 0);
  }

  intercepted(status: number): void {
    if (this.#fresh?.storable === true) this.#storeError(status, this.#fresh.validSec);
  }

  #storeError(status: number, until: number): void {
    const valid = this.here.cache.validFor(status);
    const validSec = until || (valid === 0 ? 0 : nowSec() + valid);
    if (!this.storing || validSec === 0) return;
    try {
      this.here.place.storeError(this.path, { ...this.#facts(null), error: status }, validSec);
    } catch (error) {
      this.note(error);
    }
  }

  #facts(head: ResponseHead | null): EntryFacts {
    const vary = this.#fresh?.vary ?? '';
    const isWhole = head !== null && (head.status === 200 || head.status === 206);
    const modified = isWhole ? head.get('last-modified') : undefined;
    return {
      key: this.key,
      vary,
      variant: vary === '' ? '' : variantOf(this.main, vary, this.x.request),
      lastModified: modified === undefined ? -1 : Math.max(-1, parseHttpDate(modified)),
      etag: (isWhole ? head.get('etag') : undefined) ?? '',
      error: 0,
      length: head === null || head.status === 204 || head.status === 304 ? -1 : head.contentLength,
    };
  }

  seek(head: ResponseHead, length: number): Seekable | null {
    // What may not be stored keeps neither conditions nor ranges (nginx's disable_not_modified); the time it would hold does not matter.
    if (!this.storing || this.#fresh?.storable === false) return null;
    hideRanges(this.x);
    const seek = seekableOf(head, length, this.here.cache);
    // Parts are cut as the body comes: one only.
    return { ...seek, maxRanges: Math.min(1, seek.maxRanges) };
  }

  write(buf: Buffer, from: number, to: number): void {
    const writer = this.#writer;
    if (writer === null) return;
    this.#leftBytes -= to - from;
    try {
      writer.write(buf, from, to);
    } catch (error) {
      this.storing = false;
      this.note(error);
      this.end(false);
    }
  }

  end(isWhole: boolean): void {
    const writer = this.#writer;
    this.#writer = null;
    try {
      if (isWhole && this.#leftBytes <= 0) writer?.finish();
      else writer?.drop();
    } catch (error) {
      this.note(error);
    }
    this.release();
  }

  protected release(): void {
    if (this.lock !== null) this.here.place.unlock(this.lock);
    this.lock = null;
    if (this.entry !== null) closeFile(this.entry.fd);
    this.entry = null;
  }

  begin(head: ResponseHead, buffered: boolean): void {
    const fresh = this.#fresh;
    const valid = this.here.cache.validFor(head.status);
    const validSec = fresh?.validSec || (valid === 0 ? 0 : nowSec() + valid);
    this.storing &&= buffered && fresh?.storable === true && validSec !== 0;
    if (this.storing && anyHolds(this.here.cache.noCache, this.x)) this.storing = false;
    if (!this.storing || fresh === null) return this.release();
    const facts = this.#facts(head);
    if (this.x.method === 'HEAD' && this.convertsHead) this.#leftBytes = facts.length;
    // A variant is stored under its own name only where that is the one that was looked for.
    if (this.digest !== this.main && this.digest !== facts.variant) this.digest = this.main;
    const { updatingSec, errorSec } = fresh;
    try {
      this.#writer = this.here.place.begin(
        this.path,
        facts,
        { validSec, updatingSec, errorSec },
        headText(head),
      );
    } catch (error) {
      this.storing = false;
      this.note(error);
      this.release();
    }
  }
}

export function nowSec(): number {
  return Math.floor(Date.now() / 1000);
}
