// The retry decision, as a table: policy × failure × progress.
import { describe, expect, it } from 'vitest';
import {
  blamesPeer,
  decideRetry,
  isFreeRetry,
  type NextPolicy,
  type Progress,
} from '../../src/forward/next-upstream.ts';
import type { Failure } from '../../src/shared/failure.ts';

const policy = (words: NextPolicy['words'] = ['error', 'timeout'], tries = 0, timeoutMs = 0): NextPolicy => ({
  words,
  tries,
  timeoutMs,
});
const progress = (more: Partial<Progress> = {}): Progress => ({
  method: 'GET',
  answerStarted: false,
  requestSent: true,
  bodyReplayable: true,
  tries: 1,
  elapsedMs: 10,
  ...more,
});

describe('decideRetry', () => {
  const cases: [string, NextPolicy, Failure, Partial<Progress>, string][] = [
    ['GET after refused', policy(), 'connect_refused', { requestSent: false }, ''],
    ['POST after refused', policy(), 'connect_refused', { requestSent: false, method: 'POST' }, ''],
    ['POST after connect time-out', policy(), 'connect_timeout', { requestSent: false, method: 'POST' }, ''],
    ['GET after a reset', policy(), 'reset_before_head', {}, ''],
    ['POST after a reset', policy(), 'reset_before_head', { method: 'POST' }, 'method not idempotent'],
    ['PATCH after a time-out', policy(), 'head_timeout', { method: 'PATCH' }, 'method not idempotent'],
    [
      'an unknown method after a reset',
      policy(),
      'reset_before_head',
      { method: 'FROB' },
      'method not idempotent',
    ],
    [
      'POST with non_idempotent',
      policy(['error', 'non_idempotent']),
      'reset_before_head',
      { method: 'POST' },
      '',
    ],
    ['PUT and DELETE are idempotent', policy(), 'reset_before_head', { method: 'DELETE' }, ''],
    ['a malformed head is not in the default', policy(), 'malformed_head', {}, 'not in proxy_next_upstream'],
    ['a malformed head with invalid_header', policy(['invalid_header']), 'malformed_head', {}, ''],
    ['a time-out without timeout', policy(['error']), 'head_timeout', {}, 'not in proxy_next_upstream'],
    ['off', policy([]), 'connect_refused', { requestSent: false }, 'not in proxy_next_upstream'],
    ['503 when listed', policy(['http_503']), 'http_503', {}, ''],
    ['500 when only 503 is listed', policy(['http_503']), 'http_500', {}, 'not in proxy_next_upstream'],
    ['404 when listed', policy(['http_404']), 'http_404', {}, ''],
    ['an answer that began', policy(), 'body_truncated', { answerStarted: true }, 'answer begun'],
    ['tries used up', policy(undefined, 2), 'connect_refused', { tries: 2 }, 'proxy_next_upstream_tries'],
    [
      'time used up',
      policy(undefined, 0, 100),
      'connect_refused',
      { elapsedMs: 100 },
      'proxy_next_upstream_timeout',
    ],
    [
      'a body that is gone',
      policy(),
      'reset_before_head',
      { method: 'PUT', bodyReplayable: false },
      'body not replayable',
    ],
    ['a client that left', policy(), 'client_aborted', {}, 'client gone'],
  ];
  it.each(cases)('%s', (_name, p, failure, at, expected) => {
    expect(decideRetry(p, failure, progress(at))).toBe(expected);
  });
});

describe('the free retry of a stale connection', () => {
  it('is for idempotent requests that can be replayed, before any answer', () => {
    expect(isFreeRetry('reset_on_reuse', progress())).toBe(true);
    expect(isFreeRetry('reset_on_reuse', progress({ method: 'POST' }))).toBe(false);
    expect(isFreeRetry('reset_on_reuse', progress({ bodyReplayable: false }))).toBe(false);
    expect(isFreeRetry('reset_on_reuse', progress({ answerStarted: true }))).toBe(false);
    expect(isFreeRetry('reset_before_head', progress())).toBe(false);
  });
});

it('blames the peer for failures, not for 403, 404 or closing an idle connection', () => {
  expect(blamesPeer('http_404')).toBe(false);
  expect(blamesPeer('http_403')).toBe(false);
  expect(blamesPeer('reset_on_reuse')).toBe(false);
  expect(blamesPeer('http_503')).toBe(true);
  expect(blamesPeer('connect_refused')).toBe(true);
});
