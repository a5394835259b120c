// What the inspector tells of a request: plain data, all text as Unicode, what is hidden hidden.
import { type ShownBody, shownBody } from './body-text.ts';
import type { Masks } from './masks.ts';
import type { KeptAttempt, Record } from './record.ts';

export interface AttemptView {
  readonly peer: string;
  readonly outcome: string;
  readonly status: number;
  /** Since the request's beginning, ms. */
  readonly startMs: number;
  /** Since the attempt's, ms; -1 = not reached. */
  readonly connectMs: number;
  readonly headMs: number;
  readonly totalMs: number;
  /** Why no further peer was asked. */
  readonly noRetry: string;
  /** What went to the peer; '' where that is not HTTP. */
  readonly head: string;
}

export interface Summary {
  readonly id: number;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly client: string;
  readonly secure: boolean;
  readonly server: string;
  readonly host: string;
  readonly method: string;
  readonly target: string;
  /** 0 = no answer yet. */
  readonly status: number;
  readonly type: string;
  /** -1 = not over yet. */
  readonly ms: number;
  readonly firstByteMs: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly failure: string;
  readonly attempts: readonly AttemptView[];
  /** Frames or pieces of a stream so far. */
  readonly passed: number;
}

export interface PassedView {
  readonly ms: number;
  readonly from: 'client' | 'peer';
  readonly kind: string;
  readonly length: number;
  readonly body: ShownBody;
}

export interface Detail extends Summary {
  readonly requestHead: string;
  readonly requestBody: ShownBody;
  /** Why it cannot be sent again; '' where it can. */
  readonly noReplay: string;
  readonly answerHead: string;
  readonly answerBody: ShownBody;
  readonly peerAnswer: string;
  readonly frames: readonly PassedView[];
}

export function summaryOf(record: Record): Summary {
  const { id, version, at, client, secure, server, host, method, status, firstByteMs, failure } = record;
  return {
    id,
    version,
    at,
    client,
    secure,
    server: textOf(server),
    host: textOf(host),
    method,
    target: textOf(record.target),
    status,
    type: fieldOf(record.answerHead, 'content-type').replace(/;.*/, ''),
    ms: rounded(record.totalMs),
    firstByteMs: rounded(firstByteMs),
    requestBytes: record.requestBytes,
    answerBytes: record.answerBytes,
    failure,
    attempts: record.attempts.map((attempt) => attemptView(attempt, record.startedAt, '')),
    passed: record.passedCount,
  };
}

/** `masks` null: nothing is hidden. */
export function detailOf(record: Record, masks: Masks | null): Detail {
  const shown = (head: string): string => textOf(masks === null ? head : masks.hide(head));
  const { requestHead, answerHead } = record;
  return {
    ...summaryOf(record),
    attempts: record.attempts.map((attempt, i) =>
      attemptView(attempt, record.startedAt, shown(record.peerHeads[i] ?? '')),
    ),
    requestHead: shown(requestHead),
    requestBody: shownBody(requestHead, record.requestBody ?? NOTHING, record.requestBytes),
    noReplay: whyNoReplay(record),
    answerHead: shown(answerHead),
    answerBody: shownBody(answerHead, Buffer.from(record.answerBody, 'latin1'), record.answerBytes),
    peerAnswer: shown(record.peerAnswer),
    frames: record.passed.map(({ ms, from, kind, length, text }) => ({
      ms: rounded(ms),
      from,
      kind,
      length,
      body: shownBody('', Buffer.from(text, 'latin1'), length),
    })),
  };
}

export function whyNoReplay({ whyNoBody, requestHead, totalMs }: Record): string {
  if (/^upgrade:/im.test(requestHead)) return 'it became another protocol (Upgrade)';
  if (totalMs < 0) return 'it is not over yet';
  return whyNoBody === '' ? '' : `its body was not kept: ${textOf(whyNoBody)}`;
}

function attemptView(attempt: KeptAttempt, startedAt: number, head: string): AttemptView {
  const { peer, outcome, status, noRetry } = attempt;
  return {
    peer: textOf(peer),
    outcome,
    status,
    startMs: rounded(attempt.startedAt - startedAt),
    connectMs: rounded(attempt.connectMs),
    headMs: rounded(attempt.headMs),
    totalMs: rounded(attempt.totalMs),
    noRetry,
    head,
  };
}

/** The value of the first field of this lower-case name in a head; '' without. */
export function fieldOf(head: string, lowerName: string): string {
  return new RegExp(`^${lowerName}: *(.*)$`, 'im').exec(head)?.[1].trim() ?? '';
}

/** Bytes as latin1 → text: UTF-8 where they are that. */
export function textOf(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const text = Buffer.from(latin1, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? latin1 : text;
}

/** To a thousandth; -1 stays. */
function rounded(ms: number): number {
  return ms < 0 ? -1 : Math.round(ms * 1000) / 1000;
}

const NOTHING = Buffer.alloc(0);
