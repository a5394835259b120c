// What is kept of one request: filled while it passes, counted in bytes.
import type { Attempt } from '../exchange/attempt.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { copyOf } from '../shared/buffers.ts';

/** One WebSocket frame, or one piece of an answer that streams. */
export interface Passed {
  /** Since the request's beginning. */
  readonly ms: number;
  readonly from: 'client' | 'peer';
  /** 'text', 'binary', 'close', 'ping', 'pong' of frames; 'piece' of a stream. */
  readonly kind: string;
  /** Of all of it; `bytes` may be less. */
  readonly length: number;
  readonly bytes: Buffer;
}

/** What of a body is kept to be shown, and of each frame. */
export const SHOWN_BYTES = 1024;
/** Frames and pieces of one request that are kept: the last ones. */
const MAX_PASSED = 200;
/** An object with its fields, beside the texts. */
const OWN_BYTES = 1024;

export class Record {
  /** Of this process, from 1. */
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly startedAt: number;
  readonly client: string;
  readonly secure: boolean;
  readonly localAddress: string;
  readonly localPort: number;
  readonly server: string;
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** As it came, latin1. */
  readonly requestHead: string;
  requestBytes = 0;
  /** All of it, to be sent again; null where it is not kept, and `whyNoBody` says why. */
  requestBody: Buffer | null = null;
  whyNoBody = '';
  status = 0;
  /** As it went, latin1; '' while none did. */
  answerHead = '';
  /** The beginning of it, as it went. */
  answerBody: Buffer[] = [];
  answerKept = 0;
  answerBytes = 0;
  /** What each attempt wrote; none where it could not connect. */
  peerHeads: (string | undefined)[] = [];
  peerAnswer = '';
  attempts: readonly Attempt[] = [];
  peerSecure = false;
  /** Until the answer began, and until it ended; -1 while that has not come. */
  firstByteMs = -1;
  totalMs = -1;
  failure = '';
  passed: Passed[] = [];
  /** How many there were in all. */
  passedCount = 0;
  /** Changes with each change of any record: who asks again asks for those above the last one seen. */
  version = 0;

  constructor(id: number, x: Exchange) {
    const { client, request } = x;
    this.id = id;
    this.at = Date.now();
    this.startedAt = x.startedAt;
    this.client = x.remoteAddress;
    this.secure = client.secure;
    this.localAddress = client.localAddress;
    this.localPort = client.localPort;
    this.server = x.server.name;
    this.method = request.method;
    this.target = request.target;
    this.host = request.host;
    this.requestHead = request.whole;
  }

  get bytes(): number {
    let sum = OWN_BYTES + this.requestHead.length + this.answerHead.length + this.peerAnswer.length;
    sum += this.answerKept + (this.requestBody?.length ?? 0) + this.attempts.length * 200;
    for (const head of this.peerHeads) sum += head?.length ?? 0;
    for (const { bytes } of this.passed) sum += 100 + bytes.length;
    return sum;
  }

  /** A piece of the answer's body. */
  keepAnswer(buf: Buffer, from: number, to: number): void {
    this.answerBytes += to - from;
    const left = SHOWN_BYTES - this.answerKept;
    if (left <= 0) return;
    const end = Math.min(to, from + left);
    this.answerBody.push(copyOf(buf, from, end));
    this.answerKept += end - from;
  }

  keepPassed(passed: Passed): void {
    this.passedCount++;
    this.passed.push(passed);
    if (this.passed.length > MAX_PASSED) this.passed.shift();
  }
}
