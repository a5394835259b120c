// What is kept of one request: filled while it passes, packed into the ring (ring.ts) when it is over, and read back from there.
import type { Attempt } from '../exchange/attempt.ts';

/** One WebSocket frame, or one piece of an answer that streams. */
export interface Passed {
  /** Since the request's beginning. */
  readonly ms: number;
  readonly from: 'client' | 'peer';
  /** 'text', 'binary', 'close', 'ping', 'pong' of frames; 'piece' of a stream. */
  readonly kind: string;
  /** Of all of it; `text` may be less. */
  readonly length: number;
  /** latin1; as a Buffer it would keep the piece of memory that it was cut from. */
  readonly text: string;
}

/** An attempt, with what it wrote. */
export type KeptAttempt = Pick<
  Attempt,
  'peer' | 'outcome' | 'noRetry' | 'startedAt' | 'connectMs' | 'headMs' | 'totalMs' | 'status'
>;

/** What of a body is kept to be shown, and of each frame. */
export const SHOWN_BYTES = 1024;

/** All texts are bytes as latin1. */
export class Record {
  /** Of this process, from 1. */
  id = 0;
  /** Changes with each change of any record: who asks again asks for those above the last one seen. */
  version = 0;
  /** The one that it began with. */
  firstVersion = 0;
  /** Milliseconds since the epoch. */
  at = 0;
  startedAt = 0;
  client = '';
  secure = false;
  localAddress = '';
  localPort = 0;
  server = '';
  method = '';
  target = '';
  host = '';
  /** Behind method and target in the first line, with its end. */
  protocol = '';
  /** The lines of its fields with the empty one; of a head without a first line all that came. */
  requestFields = '';
  requestBytes = 0;
  /** All of it, to be sent again; null where it is not kept, and `whyNoBody` says why. */
  requestBody: Buffer | null = null;
  whyNoBody = '';
  status = 0;
  /** As it went; '' while none did. */
  answerHead = '';
  /** The beginning of it, as it went. */
  answerBody = '';
  answerBytes = 0;
  /** By attempt: what it wrote; nothing where it could not connect, or spoke something else. */
  peerHeads: string[] = NO_HEADS;
  peerAnswer = '';
  attempts: readonly KeptAttempt[] = NO_ATTEMPTS;
  peerSecure = false;
  /** Until the answer began, and until it ended; -1 while that has not come. */
  firstByteMs = -1;
  totalMs = -1;
  failure = '';
  /** The last ones. */
  passed: Passed[] = NO_PASSED;
  /** How many there were in all. */
  passedCount = 0;
  /** Its neighbours among those that are not over. */
  earlier: Record | null = null;
  later: Record | null = null;

  /** As it came. */
  get requestHead(): string {
    const { method, requestFields } = this;
    return method === '' ? requestFields : `${method} ${this.target} ${this.protocol}${requestFields}`;
  }

  /** A piece of the answer's body. */
  keepAnswer(buf: Buffer, from: number, to: number): void {
    this.answerBytes += to - from;
    const left = SHOWN_BYTES - this.answerBody.length;
    if (left > 0) this.answerBody += buf.latin1Slice(from, Math.min(to, from + left));
  }

  /** All of the answer's body. */
  keepWholeAnswer(body: string | Buffer): void {
    if (typeof body !== 'string') return this.keepAnswer(body, 0, body.length);
    this.answerBytes = body.length;
    this.answerBody = body.slice(0, SHOWN_BYTES);
  }

  keepPeerHead(attempt: number, head: string): void {
    // Nearly all have one attempt.
    if (attempt === 0) this.peerHeads = [head];
    if (this.peerHeads === NO_HEADS) this.peerHeads = [];
    while (this.peerHeads.length < attempt) this.peerHeads.push('');
    this.peerHeads[attempt] = head;
  }
}

const NO_HEADS: string[] = [];
const NO_ATTEMPTS: readonly KeptAttempt[] = [];
export const NO_PASSED: Passed[] = [];
