// One request in a cache (nginx: ngx_http_upstream_cache, ngx_http_file_cache_open): answers with what is stored, or forwards it and takes
// a copy of the answer.
import { closeFile } from '../../answer/file-transfer.ts';
import { Aside } from '../../answer/subrequest.ts';
import { EMPTY_BODY } from '../../body/stored-body.ts';
import type { Entry } from '../../cache/entry.ts';
import type { HeldLock } from '../../cache/lock.ts';
import { variantOf } from '../../cache/variant.ts';
import type { Exchange, Handler } from '../../exchange/exchange.ts';
import type { Source } from '../../exchange/flow.ts';
import { Deadline, wheel } from '../../shared/timer-wheel.ts';
import { Forward } from '../forward.ts';
import type { ForwardOptions } from '../forward-options.ts';
import { BodyBefore, waitsForBody } from './body-before.ts';
import { type BeginForward, CachedAnswer, type CacheStatus, nowSec } from './cached-answer.ts';
import { anyHolds, type CacheOptions } from './options.ts';
import { sendStored, storedHead } from './stored-answer.ts';

const beginForward: BeginForward = (x, options, tap) => new Forward(x, options, tap).begin();

export function createCached(
  options: ForwardOptions,
  cache: CacheOptions,
  forward: BeginForward = beginForward,
): Handler {
  const ask: Handler = (x) => {
    if (!cache.methods.has(x.method)) return forward(x, options, null);
    cache.nameTarget(x);
    // Known whether the cache answers or the peer.
    x.tellsProxyHost = options.isProxy;
    const place = cache.placeOf(x);
    if (place === null) return forward(x, options, null);
    if (place === undefined)
      return x.location.fail(x, 500, 'there is no cache of the name that variables gave');
    new CachedExchange(x, { options, cache, place, forward }).run();
  };
  return (x) => {
    if (x.request.contentLength === 0 && !x.isSub && options.body.fileOnly === 'off') x.body ??= EMPTY_BODY;
    if (waitsForBody(x, options)) new BodyBefore(x, ask).begin(options.body);
    else {
      // Whoever reads no body says it here, as nginx begins to read before it asks the cache.
      x.sayContinue();
      ask(x);
    }
  };
}

/** How often those that wait look whether the answer is there. */
const LOOK_MS = 100;

class CachedExchange extends CachedAnswer implements Source {
  /** It fetches for others: what is stored is no answer to it. */
  #isAside = false;
  /** Until when it waits for another request, in ms of the wheel; 0 before it does. */
  #waitsUntil = 0;
  #deadline: Deadline | null = null;
  /** Of the time that it waits; NaN while it does not. */
  #ticket = Number.NaN;

  run(): void {
    if (anyHolds(this.here.cache.bypass, this.x)) {
      this.status = 'BYPASS';
      return this.#forward();
    }
    this.status = 'MISS';
    this.#lookUp();
  }

  #lookUp(): void {
    try {
      this.#find();
    } catch (error) {
      this.note(error);
      this.release();
      this.status = 'MISS';
      this.storing = false;
      this.#forward();
    }
  }

  #find(): void {
    const entry = this.#openEntry();
    const now = nowSec();
    if (entry === null) return this.#missed();
    if (entry.facts.error !== 0) {
      closeFile(entry.fd);
      if (entry.times.validSec < now) return this.#missed();
      this.release();
      this.status = 'HIT';
      return this.x.location.fail(this.x, entry.facts.error, 'the cache has stored that the peer failed');
    }
    if (entry.times.validSec >= now && !this.#isAside) return this.#serve(entry, 'HIT');
    this.#expired(entry, now);
  }

  /** What is stored for this very request: of several variants the one that it gets. */
  #openEntry(): Entry | null {
    const entry = this.here.place.open(this.path);
    if (entry === null) return null;
    const { key, vary, variant } = entry.facts;
    const own = vary === '' ? variant : variantOf(this.main, vary, this.x.request);
    const isOwn = key === this.key && own === variant;
    if (isOwn && this.#isWhole(entry)) return entry;
    closeFile(entry.fd);
    if (isOwn || key !== this.key || this.digest !== this.main) return null;
    this.digest = own;
    return this.#openEntry();
  }

  /** What a HEAD left, or a file that lost its end, is no answer to a GET. */
  #isWhole({ facts, bodyStart, bodyEnd }: Entry): boolean {
    const { length } = facts;
    const bytes = bodyEnd - bodyStart;
    return length === bytes || length === -1 || (bytes === 0 && this.x.method === 'HEAD');
  }

  #missed(): void {
    const { minUses, lock } = this.here.cache;
    if (minUses > 1 && this.#waitsUntil === 0 && this.here.place.use(this.path, minUses) < minUses)
      this.storing = false;
    else if (lock !== null && !this.#locks(lock)) return;
    this.#checkRange();
    this.#forward();
  }

  /** False: it waits for the one that fetches it. */
  #locks(lock: { readonly timeoutMs: number; readonly ageMs: number }): boolean {
    this.lock ??= this.here.place.lock(this.path, lock.ageMs);
    if (this.lock !== null) return true;
    this.#waitsUntil ||= wheel.nowMs + lock.timeoutMs;
    const leftMs = this.#waitsUntil - wheel.nowMs;
    if (leftMs <= 0) {
      this.storing = false;
      return true;
    }
    this.#ticket = this.x.wait(this);
    this.#deadline ??= new Deadline(() => this.#lookAgain(lock));
    wheel.arm(this.#deadline, Math.min(LOOK_MS, leftMs));
    return false;
  }

  #lookAgain(lock: { readonly ageMs: number }): void {
    if (!this.x.isCurrent(this.#ticket)) return;
    const leftMs = this.#waitsUntil - wheel.nowMs;
    if (leftMs > 0 && this.#deadline !== null && this.here.place.isLocked(this.path, lock.ageMs))
      return wheel.arm(this.#deadline, Math.min(LOOK_MS, leftMs));
    this.#ticket = Number.NaN;
    this.x.setMaker(null);
    this.#lookUp();
  }

  #expired(entry: Entry, now: number): void {
    const { useStale, updatesBeside } = this.here.cache;
    const { validSec, updatingSec } = entry.times;
    const mayWait = (useStale.has('updating') || validSec + updatingSec >= now) && !this.#isAside;
    this.entry = entry;
    if (mayWait) {
      const lock = this.here.place.lock(this.path, Number.POSITIVE_INFINITY);
      if (lock === null) return this.#serve(entry, 'UPDATING');
      if (updatesBeside && this.#updateBeside(lock)) return this.#serve(entry, 'STALE');
      this.lock = lock;
    }
    this.status = 'EXPIRED';
    if (this.here.cache.revalidates) {
      this.lastModified = storedHead(entry)?.get('last-modified') ?? '';
      if (entry.facts.lastModified < 0) this.lastModified = '';
      this.etag = entry.facts.etag;
    }
    this.#checkRange();
    this.#forward();
  }

  /** A copy of the request fetches it anew; the lock is the copy's. */
  #updateBeside(lock: HeldLock): boolean {
    const at = (x: Exchange): void => new CachedExchange(x, this.here).runAside(lock);
    // As in nginx: whoever waits for the end of the connection finds it updated.
    this.x.main.closesLate = true;
    const { uri, args, method } = this.x;
    return new Aside().ask(this.x, { uri, args, method, at });
  }

  runAside(lock: HeldLock): void {
    this.#isAside = true;
    this.lock = lock;
    this.status = 'MISS';
    this.#lookUp();
  }

  #checkRange(): void {
    const { maxRangeOffset } = this.here.cache;
    const range = this.x.request.get('range');
    if (range === undefined || maxRangeOffset < 0 || !this.storing) return;
    const first = /^bytes= *(-|\d*)/i.exec(range)?.[1];
    if (maxRangeOffset === 0) this.storing = false;
    else if (first !== undefined && (first === '-' || Number(first) >= maxRangeOffset)) this.storing = false;
  }

  #serve(entry: Entry, status: CacheStatus): void {
    this.status = status;
    this.entry = null;
    sendStored(this.x, entry, this.here.options, this.here.cache);
  }

  #forward(): void {
    this.here.forward(this.x, this.here.options, this);
  }

  // While it waits.

  readonly survivesHalfClose = false;

  onDrain(): void {}

  onGone(): void {
    if (this.#deadline !== null) wheel.remove(this.#deadline);
  }
}
