// The reader that judges what the program sends on: chunks by their sizes, whatever their data looks like.
import { expect, it } from 'vitest';
import { readRequest } from './read-request.ts';

const HEAD = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n';

it.each([
  ['5\r\nhello\r\n0\r\n\r\n', 15],
  ['9\r\nx\r\n0\r\n\r\ny\r\n0\r\nX: y\r\n\r\n', 25],
  ['5\r\nhel', -1],
  ['0\r\nX: y\r\n', -1],
  ['0\r\n\r\nGET / HTTP/1.1\r\n', 5],
])('%j ends at %i', (body, end) => {
  expect(readRequest(HEAD + body)?.end).toBe(end < 0 ? -1 : HEAD.length + end);
});
