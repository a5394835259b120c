// A record as bytes: all its numbers as doubles, lengths among them; then the heads and the body's beginning, each written for itself;
// then all short texts, written as one; then the request's body. Texts are latin1. Measured (Node 26, 5 heads and bodies, 7 short
// texts): each for itself 640 ns, all as one 470, so 430.
import type { KeptAttempt, Passed } from './record.ts';
import { Record } from './record.ts';

const NUMBER_BYTES = 8;
/** How many numbers a record has, its texts' lengths and the counts of its lists among them; and those of each entry of a list. */
const NUMBERS = 29;
const ATTEMPT_NUMBERS = 9;
const PASSED_NUMBERS = 5;

const NO_BODY = -1;

const SECURE = 1;
const PEER_SECURE = 2;

/** Bytes that `pack` writes. */
export function packedSize(record: Record): number {
  const { attempts, peerHeads, passed, requestBody } = record;
  let size = NUMBERS * NUMBER_BYTES + textBytes(record) + (requestBody === null ? 0 : requestBody.length);
  for (let i = 0; i < attempts.length; i++) {
    const { peer, outcome, noRetry } = attempts[i];
    size += ATTEMPT_NUMBERS * NUMBER_BYTES + peer.length + outcome.length + noRetry.length;
    if (i < peerHeads.length) size += peerHeads[i].length;
  }
  for (const { kind, text } of passed) size += PASSED_NUMBERS * NUMBER_BYTES + kind.length + text.length;
  return size;
}

function textBytes(record: Record): number {
  const { client, localAddress, server, method, target, host, whyNoBody, failure } = record;
  const { protocol, requestFields, answerHead, answerBody, peerAnswer } = record;
  const short = client.length + localAddress.length + server.length + method.length + target.length;
  const long = requestFields.length + answerHead.length + answerBody.length + peerAnswer.length;
  return short + protocol.length + host.length + whyNoBody.length + failure.length + long;
}

/** Writes one record into memory that is seen as doubles and as bytes. */
export class Packer {
  readonly #numbers: Float64Array;
  readonly #bytes: Buffer;
  #number = 0;
  #at = 0;
  #shorts = '';

  constructor(numbers: Float64Array, bytes: Buffer) {
    this.#numbers = numbers;
    this.#bytes = bytes;
  }

  /** `start`: where, a multiple of eight. */
  pack(record: Record, start: number): void {
    const { attempts, peerHeads, passed, requestBody } = record;
    this.#number = start / NUMBER_BYTES;
    const counts = attempts.length * ATTEMPT_NUMBERS + passed.length * PASSED_NUMBERS;
    this.#at = start + (NUMBERS + counts) * NUMBER_BYTES;
    this.#shorts = '';
    this.#packNumbers(record);
    this.#packTexts(record);
    this.#put(attempts.length);
    this.#put(passed.length);
    for (let i = 0; i < attempts.length; i++)
      this.#packAttempt(attempts[i], i < peerHeads.length ? peerHeads[i] : '');
    for (const one of passed) this.#packPassed(one);
    this.#at += this.#bytes.latin1Write(this.#shorts, this.#at, this.#shorts.length);
    if (requestBody !== null) requestBody.copy(this.#bytes, this.#at);
  }

  #packNumbers(record: Record): void {
    this.#put(record.id);
    this.#put(record.version);
    this.#put(record.firstVersion);
    this.#put(record.at);
    this.#put(record.startedAt);
    this.#put((record.secure ? SECURE : 0) | (record.peerSecure ? PEER_SECURE : 0));
    this.#put(record.localPort);
    this.#put(record.requestBytes);
    this.#put(record.status);
    this.#put(record.answerBytes);
    this.#put(record.firstByteMs);
    this.#put(record.totalMs);
    this.#put(record.passedCount);
    this.#put(record.requestBody === null ? NO_BODY : record.requestBody.length);
  }

  #packTexts(record: Record): void {
    this.#long(record.requestFields);
    this.#long(record.answerHead);
    this.#long(record.answerBody);
    this.#long(record.peerAnswer);
    this.#short(record.client);
    this.#short(record.localAddress);
    this.#short(record.server);
    this.#short(record.method);
    this.#short(record.target);
    this.#short(record.protocol);
    this.#short(record.host);
    this.#short(record.whyNoBody);
    this.#short(record.failure);
  }

  #packAttempt(attempt: KeptAttempt, head: string): void {
    this.#put(attempt.startedAt);
    this.#put(attempt.connectMs);
    this.#put(attempt.headMs);
    this.#put(attempt.totalMs);
    this.#put(attempt.status);
    this.#long(head);
    this.#short(attempt.peer);
    this.#short(attempt.outcome);
    this.#short(attempt.noRetry);
  }

  #packPassed({ ms, from, kind, length, text }: Passed): void {
    this.#put(ms);
    this.#put(from === 'client' ? 0 : 1);
    this.#put(length);
    this.#short(kind);
    this.#short(text);
  }

  #put(value: number): void {
    this.#numbers[this.#number++] = value;
  }

  #long(text: string): void {
    this.#numbers[this.#number++] = text.length;
    if (text !== '') this.#at += this.#bytes.latin1Write(text, this.#at, text.length);
  }

  #short(text: string): void {
    this.#numbers[this.#number++] = text.length;
    if (text !== '') this.#shorts += text;
  }
}

/** Of one record in such memory. */
class Unpacker {
  readonly #numbers: Float64Array;
  readonly #bytes: Buffer;
  #number: number;
  #at = 0;

  constructor(numbers: Float64Array, bytes: Buffer, start: number) {
    this.#numbers = numbers;
    this.#bytes = bytes;
    this.#number = start / NUMBER_BYTES;
  }

  number(): number {
    return this.#numbers[this.#number++];
  }

  /** Behind all numbers. */
  beginTexts(): void {
    this.#at = this.#number * NUMBER_BYTES;
  }

  text(length: number): string {
    const from = this.#at;
    this.#at += length;
    return this.#bytes.latin1Slice(from, this.#at);
  }

  lent(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }
}

const TEXTS = 13;
const LONG_TEXTS = 4;

/** What `Packer` has written there. The body is lent, until something is written there again. */
export function unpack(numbers: Float64Array, bytes: Buffer, start: number): Record {
  const from = new Unpacker(numbers, bytes, start);
  const record = new Record();
  record.id = from.number();
  record.version = from.number();
  record.firstVersion = from.number();
  record.at = from.number();
  record.startedAt = from.number();
  const flags = from.number();
  record.secure = (flags & SECURE) !== 0;
  record.peerSecure = (flags & PEER_SECURE) !== 0;
  record.localPort = from.number();
  record.requestBytes = from.number();
  record.status = from.number();
  record.answerBytes = from.number();
  record.firstByteMs = from.number();
  record.totalMs = from.number();
  record.passedCount = from.number();
  const bodyLength = from.number();
  const lengths = Array.from({ length: TEXTS }, () => from.number());
  const [attemptCount, passedCount] = [from.number(), from.number()];
  const attempts = Array.from({ length: attemptCount }, () => attemptNumbers(from));
  const passed = Array.from({ length: passedCount }, () => passedNumbers(from));
  from.beginTexts();
  const longs = lengths.slice(0, LONG_TEXTS).map((length) => from.text(length));
  [record.requestFields, record.answerHead, record.answerBody, record.peerAnswer] = longs;
  for (const [i, { head }] of attempts.entries()) record.keepPeerHead(i, from.text(head));
  const shorts = lengths.slice(LONG_TEXTS).map((length) => from.text(length));
  [record.client, record.localAddress, record.server, record.method, record.target] = shorts;
  [record.protocol, record.host, record.whyNoBody, record.failure] = shorts.slice(5);
  record.attempts = attempts.map(({ peer, outcome, noRetry, head: _, ...times }) => {
    const words = { peer: from.text(peer), outcome: from.text(outcome), noRetry: from.text(noRetry) };
    return { ...times, ...words } as KeptAttempt;
  });
  record.passed = passed.map(({ kind, text, ...facts }) => ({
    ...facts,
    kind: from.text(kind),
    text: from.text(text),
  }));
  if (bodyLength !== NO_BODY) record.requestBody = from.lent(bodyLength);
  return record;
}

/** Properties are read in the order in which they stand here, which is the one they are packed in. */
const attemptNumbers = (from: Unpacker) => ({
  startedAt: from.number(),
  connectMs: from.number(),
  headMs: from.number(),
  totalMs: from.number(),
  status: from.number(),
  head: from.number(),
  peer: from.number(),
  outcome: from.number(),
  noRetry: from.number(),
});

const passedNumbers = (from: Unpacker) => ({
  ms: from.number(),
  from: from.number() === 0 ? ('client' as const) : ('peer' as const),
  length: from.number(),
  kind: from.number(),
  text: from.number(),
});
