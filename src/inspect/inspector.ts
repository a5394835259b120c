// Looks on at all that an acceptor serves and keeps the last of it: what is not over as objects, the rest in a ring of bounded size.
import type { Attempt } from '../exchange/attempt.ts';
import type { Ending, Exchange } from '../exchange/exchange.ts';
import type { RoadTap } from '../exchange/tap.ts';
import { toBytes } from '../route/template.ts';
import { BodyCopy, whyNotKept } from './body-copy.ts';
import type { SeenFrame } from './frames.ts';
import { type KeptAttempt, NO_PASSED, type Passed, Record, SHOWN_BYTES } from './record.ts';
import { Ring } from './ring.ts';
import { TapRoot } from './tap-root.ts';

/** Frames and pieces of one request that are kept: the last ones. */
const MAX_PASSED = 200;
/** Where all requests together hold much. */
const FEW_PASSED = 20;
/** An object of one, beside its bytes. */
const PASSED_BYTES = 128;
/** Beyond this share of the ring's size, requests that are not over hold much in frames and in bodies that are being copied. */
const MUCH = 0.25;
const MAX_NAMES = 1000;

export class Inspector implements RoadTap, Ending {
  readonly ring: Ring;
  #lastId = 0;
  #version = 0;
  /** The newest of those that are not over. */
  #open: Record | null = null;
  /** What they hold in frames and in bodies that are being copied. */
  #openBytes = 0;
  readonly #plainNames = new Set<string>();

  /** `limitBytes`: what the ring takes. */
  constructor(limitBytes: number) {
    this.ring = new Ring(limitBytes);
  }

  /** Of the last change. */
  get version(): number {
    return this.#version;
  }

  /** What those that are not over hold, beside their heads. */
  get openBytes(): number {
    return this.#openBytes;
  }

  /** Those that are not over, the newest first. */
  open(): readonly Record[] {
    const all: Record[] = [];
    for (let record = this.#open; record !== null; record = record.earlier) all.push(record);
    return all;
  }

  find(id: number): Record | undefined {
    for (const record of this.open()) if (record.id === id) return record;
    return this.ring.get(id);
  }

  begin(x: Exchange): void {
    x.lookOn(new TapRoot(x.root, this, this.#begun(x)));
    x.onEnd(this);
  }

  #begun(x: Exchange): Record {
    const { client, request } = x;
    const record = new Record();
    record.id = ++this.#lastId;
    record.version = ++this.#version;
    record.firstVersion = record.version;
    record.at = Date.now();
    record.startedAt = x.startedAt;
    record.client = x.remoteAddress;
    record.secure = client.secure;
    record.localAddress = client.localAddress;
    record.localPort = client.localPort;
    record.server = this.#isPlain(x.server.name) ? x.server.name : toBytes(x.server.name);
    record.method = request.method;
    record.target = request.target;
    record.host = request.host;
    record.protocol = request.version;
    record.requestFields = fieldsOf(x);
    record.earlier = this.#open;
    if (this.#open !== null) this.#open.later = record;
    this.#open = record;
    return record;
  }

  toPeer(x: Exchange, head: string): void {
    if (!x.isSub) tapOf(x)?.record.keepPeerHead(x.attempts.length - 1, head);
  }

  onExchangeEnd(x: Exchange): void {
    const tap = tapOf(x);
    if (tap === null) return;
    tap.keepHead(x);
    const { record } = tap;
    // A proxy that is believed may have told another.
    record.client = x.remoteAddress;
    record.status = x.status;
    record.totalMs = performance.now() - record.startedAt;
    record.attempts = this.#attemptsOf(x);
    record.peerAnswer = x.peerHead;
    record.peerSecure = x.proxySecure;
    record.failure = x.failure ?? '';
    record.requestBytes = x.body?.received ?? x.bodyBytesReceived;
    // What passed behind a 101 is no body, but bytes both ways.
    if (x.status === 101) record.answerBytes = x.bodyBytesSent;
    if (!x.request.hasBody || !this.#copyBody(x, tap)) tap.end();
  }

  /** False: there is nothing to wait for. */
  #copyBody(x: Exchange, tap: TapRoot): boolean {
    const { body } = x;
    const { record } = tap;
    record.whyNoBody = x.bodyRefused ? 'it was refused' : whyNotKept(body, this.#much() - this.#openBytes);
    if (body === null || record.whyNoBody !== '') return false;
    const length = body.received;
    this.#openBytes += length;
    record.whyNoBody = 'it is still being read';
    const done = (copy: Buffer | null, problem: string): void => {
      this.#openBytes -= length;
      record.requestBody = copy;
      record.whyNoBody = toBytes(problem);
      tap.end();
    };
    new BodyCopy(body, done).begin();
    return true;
  }

  #attemptsOf({ attempts }: Exchange): readonly KeptAttempt[] {
    for (let i = 0; i < attempts.length; i++)
      if (!this.#isPlain(attempts[i].peer)) return attempts.map(inBytes);
    return attempts;
  }

  /** A name of a server or a peer, which may have any letters, has none that is more than a byte. */
  #isPlain(name: string): boolean {
    if (this.#plainNames.has(name)) return true;
    if (toBytes(name) !== name) return false;
    if (this.#plainNames.size === MAX_NAMES) this.#plainNames.clear();
    this.#plainNames.add(name);
    return true;
  }

  #much(): number {
    return this.ring.limitBytes * MUCH;
  }

  changed(record: Record): void {
    record.version = ++this.#version;
  }

  over(record: Record): void {
    const { earlier, later } = record;
    if (later === null) this.#open = earlier;
    else later.earlier = earlier;
    if (earlier !== null) earlier.later = later;
    // Whoever still holds one that is over must not hold all that came behind it.
    record.earlier = null;
    record.later = null;
    for (const one of record.passed) this.#forget(one);
    this.changed(record);
    this.ring.add(record);
  }

  passed(record: Record, { from, kind, length, buf, start }: SeenFrame): void {
    // What comes behind its end.
    if (record.totalMs >= 0) return;
    const kept = Math.min(length, SHOWN_BYTES, buf.length - start);
    const ms = performance.now() - record.startedAt;
    const text = buf.latin1Slice(start, start + kept);
    if (record.passed === NO_PASSED) record.passed = [];
    record.passed.push({ ms, from, kind, length, text });
    record.passedCount++;
    this.#openBytes += text.length + PASSED_BYTES;
    while (record.passed.length > this.#mostPassed()) this.#forget(record.passed.shift());
    this.changed(record);
  }

  #mostPassed(): number {
    if (this.#openBytes <= this.#much()) return MAX_PASSED;
    return this.#openBytes <= 2 * this.#much() ? FEW_PASSED : 0;
  }

  #forget(passed: Passed | undefined): void {
    if (passed !== undefined) this.#openBytes -= passed.text.length + PASSED_BYTES;
  }
}

function tapOf(x: Exchange): TapRoot | null {
  const { root } = x.main;
  return root instanceof TapRoot ? root : null;
}

function inBytes({ peer, ...rest }: Attempt): KeptAttempt {
  return { ...rest, peer: toBytes(peer) };
}

/** Of a head that is none, what came with it is not told apart. */
function fieldsOf({ request, failure }: Exchange): string {
  if (failure !== 'client_head_malformed') return request.text;
  return /^[\s\S]*?\n\r?\n/.exec(request.text)?.[0] ?? request.text;
}
