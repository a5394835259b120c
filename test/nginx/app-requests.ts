// What comparisons of apps ask: requests with bodies, and with fields that apps get as parameters.
import { request } from './pair.ts';

/** `[what, request]`. */
export type Case = readonly [string, string];

export const post = (target: string, body: string, lines: readonly string[] = []): string =>
  request('POST', target, [`Content-Length: ${body.length}`, ...lines], body);
export const chunked = (target: string, body: string): string =>
  request(
    'POST',
    target,
    ['Transfer-Encoding: chunked'],
    `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  );

/** `own`: where some of the fields are replaced. */
export function fieldCases(target: string, own: string): readonly Case[] {
  const get = (...lines: readonly string[]): string => request('GET', target, lines);
  return [
    [
      'fields of all kinds',
      get('X-A: 1', 'x-b: two words', 'Accept: */*', 'Authorization: Basic YTpi', 'X-Empty:'),
    ],
    ['a cookie', get('Cookie: a=1; b=2')],
    ['fields that are replaced', request('GET', own, ['X-A: 1', 'X-B: 2', 'Accept: x', 'X-C: 3'])],
    ['a field with an underscore', get('X_Y: 1', 'X-Y: 2')],
    ['a long field', get(`X-Long: ${'v'.repeat(5000)}`)],
    ['bytes of a field', get('X-Bytes: \xe4\xf6')],
  ];
}
