// proxy_force_ranges beside nginx: one part of an answer that a peer gives whole.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { startAccelPeer, type Wanted, wanted } from './accel-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const DATE = 'Mon, 02 Jan 2006 15:04:05 GMT';
const VALIDATORS = [`Last-Modified: ${DATE}`, 'ETag: "tag"', 'Content-Type: text/x'];
const BODY = Array.from({ length: 30_000 }, (_, i) => String(i % 10)).join('');

const ANSWERS: Readonly<Record<string, Wanted>> = {
  small: { lines: VALIDATORS, body: '0123456789' },
  large: { lines: VALIDATORS, body: BODY },
  chunked: { lines: VALIDATORS, body: '0123456789', framing: 'chunked' },
  'until close': { lines: VALIDATORS, body: '0123456789', framing: 'close' },
  empty: { lines: VALIDATORS, body: '' },
  'without validators': { body: '0123456789' },
  'with its own word on ranges': { lines: [...VALIDATORS, 'Accept-Ranges: none'], body: '0123456789' },
  partial: { status: '206 Partial Content', lines: ['Content-Range: bytes 0-9/20'], body: '0123456789' },
  'not found': { status: '404 Not Found', lines: VALIDATORS, body: '0123456789' },
};

const FIELDS: readonly (readonly string[])[] = [
  [],
  ['Range: bytes=2-4'],
  ['Range: bytes=0-0'],
  ['Range: bytes=5-'],
  ['Range: bytes=-3'],
  ['Range: bytes=0-99999999'],
  ['Range: bytes=99999999-'],
  ['Range: bytes=1-2,4-5'],
  ['Range: bytes=x'],
  ['Range: items=1-2'],
  ['Range: bytes=2-4', 'If-Range: "tag"'],
  ['Range: bytes=2-4', 'If-Range: "other"'],
  ['Range: bytes=2-4', `If-Range: ${DATE}`],
  ['Range: bytes=2-4', 'If-Range: Mon, 02 Jan 2006 15:04:06 GMT'],
  ['Range: bytes=2-4', 'If-Range: nonsense'],
  ['If-None-Match: "tag"'],
  [`If-Modified-Since: ${DATE}`, 'Range: bytes=2-4'],
  ['If-Match: "other"', 'Range: bytes=2-4'],
];

describe.skipIf(nginxVersion === '')('ranges of answers of peers beside nginx', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startAccelPeer();
    pair = await startPair(`
      proxy_set_header Range ""; proxy_set_header If-Range "";
      server { listen 127.0.0.1:{port}; proxy_force_ranges on;
        location / { proxy_pass http://${peer.address}; }
        location /off/ { proxy_force_ranges off; proxy_pass http://${peer.address}; }
        location /none/ { max_ranges 0; proxy_pass http://${peer.address}; }
        location /unbuffered/ { proxy_buffering off; proxy_pass http://${peer.address}; }
        location /expires/ { expires 1h; proxy_pass http://${peer.address}; }
      }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  const places = ['/', '/off/', '/none/', '/unbuffered/', '/expires/'];
  const time = (text: string): string => text.replace(/^Expires: .*$/, 'Expires');

  it.each(Object.entries(ANSWERS))('%s', async (_name, answer) => {
    for (const [i, lines] of FIELDS.entries()) {
      for (const place of i < 8 ? places : ['/']) {
        for (const method of place === '/' ? ['GET', 'HEAD'] : ['GET']) {
          const { nginx, lbproxy } = await askBoth(pair, request(method, wanted(place, answer), lines));
          const [theirs, ours] = [nginx, lbproxy].map((one) => ({ ...one, fields: one.fields.map(time) }));
          expect(ours, `${method} ${place} ${lines.join(' ')}`).toEqual(theirs);
        }
      }
    }
  });
});
