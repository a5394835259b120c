// Heads that came before are known by the bounds that they kept to: these are one object wherever they are the same.
import { expect, it } from 'vitest';
import { headLimits, parseRequestHead, RequestHead } from '../../src/http/request-head.ts';
import { latin1 } from './heads.ts';

it('what came to one server is known to another of the same bounds, not to one of others', () => {
  const bytes = latin1('GET / HTTP/1.1\r\nHost: limits.test\r\nX: y\r\n\r\n');
  const isKnown = (limits = headLimits(8192, 32_768, 100)): boolean => {
    const head = new RequestHead();
    expect(parseRequestHead(head, bytes, { start: 0, end: bytes.length, scanned: 0 }, limits)).toBe(
      bytes.length,
    );
    return head.known !== null;
  };
  expect(isKnown()).toBe(false);
  for (let i = 0; i < 8; i++) isKnown();
  expect(isKnown()).toBe(true);
  expect(isKnown(headLimits(8192, 32_768, 101))).toBe(false);
});
