// Which answers filters take by their media type, beside nginx: types with charsets and other parameters, of peers and of our own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { answerWith, startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

/** Each as a peer's Content-Type, and as a default_type. */
const TYPES = [
  'text/html',
  'TEXT/Html',
  'text/css',
  'text/plain',
  'text/html;charset=utf-8',
  'text/html; charset=utf-8',
  'text/html; CHARSET="utf-8"',
  'text/html ; charset=utf-8',
  'text/html;foo=bar',
  'text/html; foo=bar; charset=utf-8',
  'text/html; charset=utf-8; foo=bar',
  'text/css;v=1',
  'text/css;v=1; charset=koi8-r',
  'text/',
];

/** What is set beside the filter; in the third a type with its charset is among those that are named. */
const SETTINGS: Readonly<Record<string, string>> = {
  plain: '',
  charset: 'charset utf-8;',
  named: 'TYPES text/css "text/html; charset=utf-8" "TEXT/CSS;v=1";',
  both: 'charset utf-8; charset_types text/css "text/css;v=1"; TYPES text/css;',
  all: 'charset utf-8; TYPES *;',
};
const FILTERS: Readonly<Record<string, readonly [types: string, on: string]>> = {
  gzip: ['gzip_types', 'gzip on; gzip_min_length 0;'],
  sub: ['sub_filter_types', 'sub_filter page text;'],
  ssi: ['ssi_types', 'ssi on;'],
  addition: ['addition_types', 'add_after_body /part;'],
};
const PLACES = Object.keys(FILTERS).flatMap((filter) =>
  Object.keys(SETTINGS).map((name) => `${filter}-${name}`),
);
const PAGE = 'a page <!--#echo var="uri" -->';

function configuration(peer: string): string {
  const locations = Object.entries(FILTERS).flatMap(([filter, [types, on]]) =>
    Object.entries(SETTINGS).map(([name, more]) => {
      const set = `${on} ${more.replace('TYPES', types)}`;
      const own = TYPES.map(
        (type, i) => `location = /${filter}-${name}/${i} { default_type '${type}'; return 200 '${PAGE}'; }
          location = /${filter}-${name}/failed${i} { default_type '${type}'; error_page 502 =200 /${filter}-${name}/${i}; proxy_pass http://127.0.0.1:1; }`,
      );
      return `location /${filter}-${name}/ { ${set} ${own.join('\n')}
        location /${filter}-${name}/peer { proxy_pass http://${peer}; }
        location /${filter}-${name}/cached { proxy_cache one; proxy_cache_key $uri; proxy_cache_valid 1h; proxy_pass http://${peer}; } }`;
    }),
  );
  return `proxy_cache_path {dir}/cache keys_zone=one:1m; server { listen {port}; server_name ref.example; location = /part { return 200 part; } ${locations.join('\n')} }`;
}

describe.skipIf(nginxVersion === '')('media types', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  const both = async (target: string, lines: readonly string[] = []): Promise<void> => {
    const { nginx, lbproxy } = await askBoth(
      pair,
      request('GET', target, ['Accept-Encoding: gzip', ...lines]),
    );
    // Two zlibs need not choose the same bytes.
    const bodies = nginx.fields.includes('Content-Encoding: gzip') ? { body: '' } : {};
    expect({ ...lbproxy, ...bodies }).toEqual({ ...nginx, ...bodies });
  };

  it.each(PLACES)('%s', async (place) => {
    for (const [i, type] of TYPES.entries()) {
      await both(`/${place}/${i}`);
      const head = `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${PAGE.length}`;
      const answer = answerWith(`${head}\r\n\r\n${PAGE}`);
      await both(`/${place}/peer`, [answer]);
      await both(`/${place}/cached${i}`, [answer]);
      await both(`/${place}/cached${i}`, [answer]);
      await both(`/${place}/failed${i}`);
    }
    await both(`/${place}/peer`, [
      answerWith(`HTTP/1.1 200 OK\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`),
    ]);
  });
});
