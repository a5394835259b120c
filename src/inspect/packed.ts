// A record as bytes: its numbers as doubles, then all its texts as one (latin1), then what is bytes already. Numbers tell the lengths.
import type { KeptAttempt, Passed } from './record.ts';
import { Record } from './record.ts';

/** Doubles of the numbers that every record has are fewer. */
const START_NUMBERS = 256;
const NUMBER_BYTES = 8;

const NO_BODY = -1;

/** Holds one record that is about to be written: its parts are valid until the next `pack`. */
export class Packer {
  #numbers = new Float64Array(START_NUMBERS);
  #count = 0;
  #text = '';
  #pieces: readonly Passed[] = [];
  #body: Buffer | null = null;
  #pieceBytes = 0;

  /** How many bytes `writeTo` writes. */
  get length(): number {
    return this.#count * NUMBER_BYTES + this.#text.length + this.#pieceBytes;
  }

  pack(record: Record): void {
    this.#count = 0;
    this.#text = '';
    this.#packNumbers(record);
    this.#packTexts(record);
    this.#packAttempts(record);
    this.#packPassed(record.passed);
    this.#body = record.requestBody;
    if (this.#body !== null) this.#pieceBytes += this.#body.length;
  }

  #packNumbers(record: Record): void {
    this.#number(record.id);
    this.#number(record.version);
    this.#number(record.firstVersion);
    this.#number(record.at);
    this.#number(record.startedAt);
    this.#number(record.secure ? 1 : 0);
    this.#number(record.localPort);
    this.#number(record.requestBytes);
    this.#number(record.status);
    this.#number(record.answerBytes);
    this.#number(record.peerSecure ? 1 : 0);
    this.#number(record.firstByteMs);
    this.#number(record.totalMs);
    this.#number(record.passedCount);
    this.#number(record.requestBody === null ? NO_BODY : record.requestBody.length);
  }

  #packTexts(record: Record): void {
    this.#put(record.client);
    this.#put(record.localAddress);
    this.#put(record.server);
    this.#put(record.method);
    this.#put(record.target);
    this.#put(record.host);
    this.#put(record.requestHead);
    this.#put(record.whyNoBody);
    this.#put(record.answerHead);
    this.#put(record.answerBody);
    this.#put(record.peerAnswer);
    this.#put(record.failure);
  }

  #packAttempts({ attempts, peerHeads }: Record): void {
    this.#number(attempts.length);
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i];
      this.#number(attempt.startedAt);
      this.#number(attempt.connectMs);
      this.#number(attempt.headMs);
      this.#number(attempt.totalMs);
      this.#number(attempt.status);
      this.#put(attempt.peer);
      this.#put(attempt.outcome);
      this.#put(attempt.noRetry);
      this.#put(i < peerHeads.length ? peerHeads[i] : '');
    }
  }

  #packPassed(passed: readonly Passed[]): void {
    this.#number(passed.length);
    this.#pieces = passed;
    this.#pieceBytes = 0;
    for (const { ms, from, kind, length, bytes } of passed) {
      this.#number(ms);
      this.#number(from === 'client' ? 0 : 1);
      this.#number(length);
      this.#put(kind);
      this.#number(bytes.length);
      this.#pieceBytes += bytes.length;
    }
  }

  #number(value: number): void {
    if (this.#count === this.#numbers.length) this.#grow();
    this.#numbers[this.#count++] = value;
  }

  #grow(): void {
    const larger = new Float64Array(this.#numbers.length * 2);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  #put(text: string): void {
    this.#number(text.length);
    if (text !== '') this.#text += text;
  }

  /** `numbers` and `bytes` are the same memory; `start` a multiple of eight. */
  writeTo(numbers: Float64Array, bytes: Buffer, start: number): void {
    const first = start / NUMBER_BYTES;
    for (let i = 0; i < this.#count; i++) numbers[first + i] = this.#numbers[i];
    let at = start + this.#count * NUMBER_BYTES;
    at += bytes.latin1Write(this.#text, at, this.#text.length);
    for (const piece of this.#pieces) at += piece.bytes.copy(bytes, at);
    this.#body?.copy(bytes, at);
    this.#text = '';
    this.#pieces = [];
    this.#body = null;
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

  /** Lengths come first, and the texts behind all numbers: once these are read, `beginTexts`. */
  beginTexts(): void {
    this.#at = this.#number * NUMBER_BYTES;
  }

  text(length: number): string {
    const from = this.#at;
    this.#at += length;
    return this.#bytes.latin1Slice(from, this.#at);
  }

  copy(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    return Buffer.from(this.#bytes.subarray(from, this.#at));
  }
}

const TEXTS = 12;

/** What `Packer` has written there. */
export function unpack(numbers: Float64Array, bytes: Buffer, start: number): Record {
  const from = new Unpacker(numbers, bytes, start);
  const record = new Record();
  record.id = from.number();
  record.version = from.number();
  record.firstVersion = from.number();
  record.at = from.number();
  record.startedAt = from.number();
  record.secure = from.number() === 1;
  record.localPort = from.number();
  record.requestBytes = from.number();
  record.status = from.number();
  record.answerBytes = from.number();
  record.peerSecure = from.number() === 1;
  record.firstByteMs = from.number();
  record.totalMs = from.number();
  record.passedCount = from.number();
  const bodyLength = from.number();
  const lengths = Array.from({ length: TEXTS }, () => from.number());
  const attempts = Array.from({ length: from.number() }, () => attemptNumbers(from));
  const passed = Array.from({ length: from.number() }, () => passedNumbers(from));
  from.beginTexts();
  const texts = lengths.map((length) => from.text(length));
  [record.client, record.localAddress, record.server, record.method, record.target, record.host] = texts;
  [record.requestHead, record.whyNoBody, record.answerHead, record.answerBody] = texts.slice(6);
  [record.peerAnswer, record.failure] = texts.slice(10);
  record.attempts = attempts.map(({ peer, outcome, noRetry, head, ...times }) => {
    const one = { ...times, peer: from.text(peer), outcome: from.text(outcome) as KeptAttempt['outcome'] };
    const kept = { ...one, noRetry: from.text(noRetry) };
    record.peerHeads = [...record.peerHeads, from.text(head)];
    return kept;
  });
  const kinds = passed.map(({ kind }) => from.text(kind));
  record.passed = passed.map(({ kept, kind: _, ...facts }, i) => ({
    ...facts,
    kind: kinds[i],
    bytes: from.copy(kept),
  }));
  if (bodyLength !== NO_BODY) record.requestBody = from.copy(bodyLength);
  return record;
}

/** Properties are read in the order in which they stand here, which is the one they are packed in. */
const attemptNumbers = (from: Unpacker) => ({
  startedAt: from.number(),
  connectMs: from.number(),
  headMs: from.number(),
  totalMs: from.number(),
  status: from.number(),
  peer: from.number(),
  outcome: from.number(),
  noRetry: from.number(),
  head: from.number(),
});

const passedNumbers = (from: Unpacker) => ({
  ms: from.number(),
  from: from.number() === 0 ? ('client' as const) : ('peer' as const),
  length: from.number(),
  kind: from.number(),
  kept: from.number(),
});
