// `geo` through nginx and through lbproxy: networks and ranges of both families, addresses of variables, of clients and behind proxies.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { nginxComplaint, nginxVersion } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const HTTP = `
  geo $arg_a $net { default none; 127.0.0.0/8 local; 127.0.0.1 this; 10.0.0.0/8 ten; 10.1.0.0/16 "ten one"; delete 10.2.0.0/16; 10.3.0.0/16 gone;
    delete 10.3.0.0/16; 2001:db8::/32 doc; 2001:db8:1::/48 "doc one"; ::1 "this six"; ::ffff:10.0.0.0/104 never; 255.255.255.255 last; 1.2.3.4/31 pair; 0.0.0.0/1 half; 2000::/3 global; }
  geo $arg_a $bare { 10.0.0.0/8 ten; }
  geo $arg_a $replaced { default a; default b; 10.0.0.0/8 c; 10.0.0.0/8 d; }
  geo $arg_a $empty { }
  geo $arg_a $everything { 0.0.0.0/0 four; ::/0 six; }
  geo $arg_a $undone { default x; delete 0.0.0.0/0; }
  geo $arg_a $range { ranges; default none; 10.0.0.0-10.255.255.255 ten; 10.1.0.0-10.1.0.255 inner; 10.1.0.5-10.1.0.5 one; 10.1.0.0-10.1.0.3 begin;
    10.1.0.200-10.1.0.255 end; 192.168.0.5-192.168.3.7 many; 192.168.1.0-192.168.1.255 whole; 172.16.0.0-172.16.0.9 gone; delete 172.16.0.0-172.16.0.9; 224.0.0.0-255.255.255.254 top; }
  geo $arg_a $range_bare { ranges; 10.0.0.0-10.0.0.9 ten; }
  geo $client { default none; 127.0.0.1 one; 127.0.0.2 two; }
  geo $behind { proxy 127.0.0.0/8; proxy 10.0.0.0/8; proxy 2001:db8::/32; default none; 127.0.0.1 one; 10.0.0.0/8 ten; 192.0.2.0/24 test; 2001:db8::/32 doc; ::1 six; }
  geo $behind_all { proxy 127.0.0.0/8; proxy 10.0.0.0/8; proxy 2001:db8::/32; proxy_recursive; default none; 127.0.0.1 one; 10.0.0.0/8 ten; 192.0.2.0/24 test; 2001:db8::/32 doc; ::1 six; }
  geo $distrusted { proxy 10.0.0.1; default none; 127.0.0.1 one; 192.0.2.0/24 test; }
  geo $arg_a $of_arg { proxy 10.0.0.0/8; default none; 10.0.0.0/8 ten; 192.0.2.0/24 test; }
  geo $http_x_missing $missing { default none; 255.255.255.255 nobody; }
  map $net $mapped { default other; none nothing; ten "is ten"; }
  geo $Case { default "$uri \\"q\\" é"; }
`;

const CONFIGURATION = `${HTTP} server { listen {port};
  location /arg { return 200 "$net|$bare|$replaced|$empty|$everything|$undone|$range|$range_bare|$mapped|$case|$missing"; }
  location /client { return 200 "$client|$behind|$behind_all|$distrusted|$of_arg"; }
  location /kept { set $before $net; set $args a=10.1.1.1; return 200 "$before $net"; }
  location /over { set $client mine; return 200 $client; } }`;

const ADDRESSES = [
  '127.0.0.1',
  '127.0.0.2',
  '10.0.0.1',
  '10.1.2.3',
  '10.2.0.1',
  '10.3.0.1',
  '2001:db8::1',
  '2001:DB8:1::ffff',
  '2001:db9::',
  '::1',
  '::',
]
  .concat([
    '::ffff:10.1.0.1',
    '::ffff:a01:1',
    '255.255.255.255',
    '255.255.255.254',
    '1.2.3.4',
    '1.2.3.5',
    '1.2.3.6',
    '127.255.255.255',
    '128.0.0.0',
  ])
  .concat([
    '',
    'x',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '001.2.3.4',
    '1..2.3',
    '1.2.3.',
    '.1.2.3',
    '10.1.0.5',
    '10.1.0.0',
    '10.1.0.3',
    '10.1.0.4',
    '10.1.0.199',
  ])
  .concat([
    '10.1.0.200',
    '10.1.0.255',
    '10.1.1.0',
    '10.255.255.255',
    '11.0.0.0',
    '192.168.0.4',
    '192.168.0.5',
    '192.168.1.0',
    '192.168.1.255',
    '192.168.2.0',
  ])
  .concat([
    '192.168.3.7',
    '192.168.3.8',
    '172.16.0.5',
    '224.0.0.0',
    '0.0.0.0',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7',
    '1::2::3',
    ':1',
    ':::',
    '::1.2.3.4',
    '::1.2.3',
  ])
  .concat([
    '::12345',
    '::g',
    '1:2:3:4:5:6:1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    '2001:db8::',
    'fe80::1%lo',
    '[::1]',
    '10.0.0.1:80',
    ':1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
  ]);

const FORWARDED: readonly (readonly string[])[] = [
  ...[
    '192.0.2.1',
    '10.0.0.1',
    '192.0.2.1, 10.0.0.1',
    '10.0.0.1, 192.0.2.1',
    '198.51.100.1, 192.0.2.1,10.0.0.9',
    '::1',
    '2001:db8::5',
    '[2001:db8::5]:80',
  ].map((f) => [f]),
  ...[
    '192.0.2.1:8080',
    '[::1]',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    'unknown',
    'unknown, 10.0.0.1',
    '192.0.2.1,',
    '192.0.2.1 , ',
    ',',
    '',
    '192.0.2.1 10.0.0.1',
  ].map((f) => [f]),
  ...[
    '::1, 2001:db8::1, 10.1.1.1',
    '10.0.0.1, 10.0.0.2',
    '::ffff:10.0.0.1',
    '192.0.2.1, ::ffff:10.0.0.1',
    '192.0.2.1;10.0.0.1',
  ].map((f) => [f]),
  ['192.0.2.1', '10.0.0.1'],
  ['10.0.0.1', '192.0.2.1'],
  ['192.0.2.7, 10.0.0.2', '10.0.0.1, 10.0.0.3'],
  ['192.0.2.7', 'unknown'],
  [],
];

describe.skipIf(nginxVersion === '')('geo', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(CONFIGURATION);
  });
  afterAll(() => pair?.close());

  it.each(ADDRESSES)('of %s', async (address) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', `/arg?a=${address}`));
    expect(lbproxy).toEqual(nginx);
  });

  it.each(FORWARDED.map((fields) => [fields.join(' + '), fields] as const))(
    'forwarded for %s',
    async (_name, fields) => {
      for (const target of ['/client?a=10.0.0.1', '/client?a=10.0.0.1&x', '/client?a=192.0.2.1', '/client']) {
        const lines = fields.map((value) => `X-Forwarded-For: ${value}`);
        const { nginx, lbproxy } = await askBoth(pair, request('GET', target, lines));
        expect(lbproxy).toEqual(nginx);
      }
    },
  );

  it('of the client, kept for the request, and set by others', async () => {
    for (const localAddress of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      for (const target of ['/client', '/kept?a=10.0.0.1', '/over']) {
        const { nginx, lbproxy } = await askBoth(pair, request('GET', target), { localAddress });
        expect(lbproxy).toEqual(nginx);
      }
    }
  });
});

function randomNetworks(random: Random, variable: string): string {
  const four = (): string =>
    `10.${random.below(3)}.${random.pick([0, 1, 128, 255])}.${random.pick([0, 1, 2, 128, 255])}`;
  const six = (): string => `2001:db8:${random.below(3)}::${random.pick(['', '1', 'ffff'])}`;
  const lines = Array.from({ length: random.below(30) }, (_, i) => {
    const network = random.chance(70)
      ? `${four()}/${random.pick([0, 1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32])}`
      : `${six()}/${random.pick([0, 3, 31, 32, 33, 47, 48, 64, 127, 128])}`;
    return random.chance(12) ? `delete ${network};` : `${network} v${i};`;
  });
  const rest = random.chance(50) ? ['default d;'] : [];
  return `geo $arg_a ${variable} { ${[...rest, ...lines].join(' ')} }`;
}

function randomRanges(random: Random, variable: string): string {
  const lines = Array.from({ length: random.below(7) + 1 }, () => {
    const address = (): number =>
      0x0a00_0000 + random.below(3) * 0x1_0000 + random.pick([0, 0, 1, 2, 3, 4, 0xfffe, 0xffff]);
    const [first, last] = [address(), address()].sort((a, b) => a - b);
    const text = (n: number): string => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
    return `${random.chance(15) ? 'delete ' : ''}${text(first)}-${text(last)}`;
  }).map((range, i) => (range.startsWith('delete') ? `${range};` : `${range} v${i};`));
  return `geo $arg_a ${variable} { ranges; default d; ${lines.join(' ')} }`;
}

describe.skipIf(nginxVersion === '')('made at random', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-geo-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('networks have the same values', async () => {
    const random = new Random(30, 0);
    const names = Array.from({ length: 40 }, (_, i) => `$g${i}`);
    const blocks = names.map((name) => randomNetworks(random, name)).join('\n');
    const pair = await startPair(
      `${blocks} server { listen {port}; return 200 "${names.map((n) => `${n};`).join('')}"; }`,
    );
    try {
      for (let i = 0; i < 80; i++) {
        const a = random.chance(70)
          ? `10.${random.below(4)}.${random.pick([0, 1, 127, 128, 129, 255])}.${random.pick([0, 1, 2, 3, 127, 128, 129, 254, 255])}`
          : `2001:db8:${random.below(4)}:${random.pick(['', '8000'])}:${random.pick(['', '1', 'fffe', 'ffff'])}`;
        const { nginx, lbproxy } = await askBoth(pair, request('GET', `/?a=${a}`));
        expect(lbproxy).toEqual(nginx);
      }
    } finally {
      await pair.close();
    }
  });

  it('ranges are refused alike, and have the same values', async () => {
    const random = new Random(31, 0);
    const taken: string[] = [];
    for (let i = 0; i < 60; i++) {
      const block = randomRanges(random, `$r${i}`);
      const theirs = nginxComplaint(dir, `events { } http { ${block} }`);
      let ours = '';
      try {
        readModel(`http { ${block} server { listen 1; } }`).remove();
      } catch (error) {
        ours = (error as Error).message;
      }
      expect([block, ours !== '']).toEqual([block, theirs !== '']);
      if (theirs === '') taken.push(block);
      else
        expect(/range "[^"]*" overlaps "[^"]*"/.exec(ours)?.[0]).toBe(
          /range "[^"]*" overlaps "[^"]*"/.exec(theirs)?.[0],
        );
    }
    expect(taken.length).toBeGreaterThan(10);
    const names = taken.map((block) => /\$r\d+/.exec(block)?.[0]);
    const pair = await startPair(
      `${taken.join('\n')} server { listen {port}; return 200 "${names.map((n) => `${n};`).join('')}"; }`,
    );
    try {
      for (const c of [0, 1, 2, 3]) {
        for (const low of [0, 1, 2, 3, 4, 5, 0xfffd, 0xfffe, 0xffff]) {
          const { nginx, lbproxy } = await askBoth(
            pair,
            request('GET', `/?a=10.${c}.${low >> 8}.${low & 255}`),
          );
          expect(lbproxy).toEqual(nginx);
        }
      }
    } finally {
      await pair.close();
    }
  });
});

describe.skipIf(nginxVersion === '')('what is refused', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-geo-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each([
    'geo $g { 10.0.0.0/33 a; }',
    'geo $g { 10.0.0.0/ a; }',
    'geo $g { 10.0.0/8 a; }',
    'geo $g { ::/129 a; }',
    'geo $g { ::/128 a; }',
    'geo $g { 255.255.255.255/32 a; }',
    'geo $g { localhost a; }',
    'geo $g { default; }',
    'geo $g { a b c; }',
    'geo $g { default 1; ranges; }',
    'geo $g { ranges; ranges; 1.1.1.1-1.1.1.2 a; }',
    'geo $g { proxy 10.0.0.0/8; ranges; 1.1.1.1-1.1.1.2 a; }',
    'geo $g { ranges; 1.1.1.1 a; }',
    'geo $g { ranges; 1.1.1.2-1.1.1.1 a; }',
    'geo $g { ranges; 0.0.0.0-255.255.255.255 a; }',
    'geo $g { ranges; 1.1.1.0/24 a; }',
    'geo $g { ranges; delete 1.1.1.1-1.1.1.2; }',
    'geo $g { ranges; 1.1.1.1-1.1.1.5 a; 1.1.1.3-1.1.1.9 b; }',
    'geo $g { ranges; 1.0.0.0-1.2.255.255 a; 1.1.0.0-1.1.255.255 b; 1.0.0.0-1.1.255.255 c; }',
    'geo $g { proxy localhost; }',
    'geo $g { proxy ::1; proxy_recursive x; }',
    'geo g { }',
    'geo $nothing $g { }',
    'geo $host $host { }',
    'geo $a $b $c { }',
    'geo { }',
    'geo $g { delete default; }',
    'geo $g { 10.0.0.1/8 a; }',
  ])('%s, or not', (block) => {
    let ours = '';
    try {
      readModel(`http { ${block} server { listen 1; } }`).remove();
    } catch (error) {
      ours = (error as Error).message;
    }
    expect(ours !== '').toBe(nginxComplaint(dir, `events { } http { ${block} }`) !== '');
    if (ours !== '') expect(ours).toMatch(/^nginx\.conf:1:\d+: \S/);
  });
});
