// The rows whose counts are kept: a plain request, a browser's head, a small file, connections that come and go on either side, TLS, an
// access log.
import type { Setup } from '../contenders/contender.ts';

export interface Row {
  readonly name: string;
  readonly setup: Partial<Setup>;
  readonly path: string;
  /** Behind Host. */
  readonly fields: readonly string[];
  /** Whether a field of each request differs from that of the one before: then nothing can be known of its head already. */
  readonly changes?: boolean;
  /** Whether each request comes over a connection of its own. */
  readonly fresh?: boolean;
}

/** With Host 17 fields, as a browser sends them to a site that it has been to. */
const BROWSER_FIELDS: readonly string[] = [
  'Connection: keep-alive',
  'Cache-Control: max-age=0',
  'sec-ch-ua: "Chromium";v="141", "Not?A_Brand";v="24"',
  'sec-ch-ua-mobile: ?0',
  'sec-ch-ua-platform: "Linux"',
  'DNT: 1',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-User: ?1',
  'Sec-Fetch-Dest: document',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Cookie: session=eyJ1aWQiOjQyMTMzNywiZXhwIjoxNzkzNjE2MDAwfQ.c2lnbmF0dXJl; csrftoken=V1StGXR8Z5jdHi6BmyT0aTq3vXkqz9Lw',
];

export const ROWS: readonly Row[] = [
  { name: 'plain', setup: { staticRoot: true }, path: '/48', fields: [] },
  { name: 'headers', setup: { staticRoot: true }, path: '/headers', fields: BROWSER_FIELDS },
  {
    ...{ name: 'headers-new', setup: { staticRoot: true }, path: '/headers', fields: BROWSER_FIELDS },
    changes: true,
  },
  { name: 'static-1k', setup: { staticRoot: true }, path: '/static/1k', fields: [] },
  {
    ...{ name: 'close', setup: {}, path: '/48', fields: ['Connection: close'] },
    fresh: true,
  },
  { name: 'close-peer', setup: {}, path: '/closing/48', fields: [] },
  { name: 'tls', setup: { tls: true }, path: '/48', fields: [] },
  { name: 'log', setup: { log: 'combined' }, path: '/48', fields: [] },
];

/** More of them than anybody keeps of a connection. */
const CHANGES = 64;

/** A row's requests, which follow each other in turn. */
export function requestsOf({ path, fields, changes = false }: Row, port: number): readonly string[] {
  const begin = [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...fields];
  if (!changes) return [[...begin, '', ''].join('\r\n')];
  return Array.from({ length: CHANGES }, (_, i) => [...begin, `X-Seen: ${1000 + i}`, '', ''].join('\r\n'));
}
