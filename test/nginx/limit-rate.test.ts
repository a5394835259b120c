// limit_rate beside nginx: answers are the same, and take as long; by configuration, variables, `set` and a peer.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';
import { exchangeOnce } from '../support/wire.ts';
import { askBoth, comparable, type Pair, request, startPair } from './pair.ts';

function configuration(root: string, peer: string): string {
  const both = (name: string, text: string): string =>
    `location /${name}/ { alias ${root}/; ${text} } location /p-${name}/ { proxy_pass http://${peer}/; ${text} }`;
  return `default_type text/plain; proxy_http_version 1.1; map $arg_m $mapped { default 0; "" 0; x 10k; }
    log_format rate "$request_uri $status $limit_rate $body_bytes_sent";
    server { listen {port}; access_log {dir}/rate.log rate; set $own $arg_r;
      ${both('rate', 'limit_rate 10k;')}
      ${both('none', '')}
      ${both('after', 'limit_rate 10k; limit_rate_after 20k;')}
      ${both('only', 'limit_rate_after 5k;')}
      ${both('var', 'limit_rate $own; limit_rate_after $arg_a;')}
      ${both('map', 'limit_rate $mapped;')}
      ${both('set', 'set $limit_rate $arg_r;')}
      ${both('if', 'limit_rate 100k; if ($arg_slow) { limit_rate 10k; } if ($arg_set) { set $limit_rate 10k; }')}
      ${both('over', 'limit_rate 100; set $limit_rate 0;')}
      location /show/ { limit_rate 5k; return 200 "rate $limit_rate"; }
      location /shown/ { set $limit_rate 7k; return 200 "rate $limit_rate"; }
      location /page/ { limit_rate 5k; error_page 404 /rate/one; set $limit_rate 9k; }
    } `;
}

type Case = readonly [target: string, lines?: readonly string[]];

/** Answered at once: what is sent is in question, not when. */
const QUICK: readonly Case[] = [
  ...['rate', 'none', 'after', 'only', 'map', 'over', 'if'].flatMap((place): Case[] => [
    [`/${place}/one`],
    [`/${place}/empty`],
    [`/${place}/nothing`],
    [`/${place}/one`, ['Range: bytes=1-2']],
    [`/${place}/one`, ['Range: bytes=99-']],
    [`/p-${place}/x?size=7`],
    [`/p-${place}/x?size=5&accel=1k`],
  ]),
  ...['10k', '', '0', 'much', '1m', '-1'].flatMap((rate): Case[] => [
    [`/var/one?r=${rate}&a=1k`],
    [`/set/one?r=${rate}`],
    [`/p-set/one?r=${rate}&size=5&accel=20000`],
  ]),
  ...['0', '1000', '1k', '', '99999999999'].map((rate): Case => [`/p-none/x?size=5&accel=${rate}`]),
  ['/show/'],
  ['/shown/'],
  ['/page/x'],
  ['/map/one?m=x'],
];

/** About how long it takes; the second that it begins in makes it up to one less. */
const TIMED: readonly (readonly [target: string, seconds: number])[] = [
  ['/rate/big', 3],
  ['/none/big', 0],
  ['/after/big', 1],
  ['/only/big', 0],
  ['/var/big?r=10k', 3],
  ['/var/big?r=0', 0],
  ['/var/big?r=10k&a=10k', 2],
  ['/map/big?m=x', 3],
  ['/map/big', 0],
  ['/set/big?r=20k', 1],
  ['/if/big?slow=1', 3],
  ['/if/big?set=1', 3],
  ['/if/big', 0],
  ['/over/big', 0],
  ['/p-rate/x?size=30000', 2],
  ['/p-none/x?size=30000&accel=10000', 2],
  ['/p-rate/x?size=30000&accel=0', 0],
  ['/p-set/x?r=10k&size=30000', 2],
];

describe.skipIf(nginxVersion === '')('limit_rate as nginx', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-rate-'));
  writeFileSync(join(root, 'one'), 'one\n');
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(join(root, 'big'), 'b'.repeat(40_000));
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startUpstream(({ url }, response) => {
      const { searchParams } = new URL(url ?? '', 'http://peer');
      const accel = searchParams.get('accel');
      if (accel !== null) response.setHeader('X-Accel-Limit-Rate', accel);
      response.setHeader('X-Seen', url ?? '');
      response.end('p'.repeat(Number(searchParams.get('size'))));
    });
    pair = await startPair(configuration(root, peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it.each(QUICK.map((c): [string, Case] => [c.flat().join(' ').slice(0, 120), c]))(
    '%s',
    async (_name, [target, lines]) => {
      const { nginx, lbproxy } = await askBoth(pair, request('GET', target, lines));
      expect(lbproxy).toEqual(nginx);
    },
  );

  it('HEAD', async () => {
    for (const target of ['/rate/big', '/set/big?r=1k', '/p-rate/x?size=0']) {
      const { nginx, lbproxy } = await askBoth(pair, request('HEAD', target));
      expect(lbproxy).toEqual(nginx);
    }
  });

  it('takes as long', async () => {
    let late: string[] = [];
    // Never too short; too long only where the machine is not too busy to tell.
    for (let round = 0; round < 6; round++) {
      late = await lateOnes();
      if (late.length === 0) break;
    }
    expect(late).toEqual([]);
  });

  /** Asks both for all of them at once, and tells which took longer than it should. */
  async function lateOnes(): Promise<string[]> {
    const answers = await Promise.all(
      TIMED.map(async ([target, seconds]) => {
        const sides = [pair.nginx, pair.lbproxy].map(async (side) => {
          const begun = performance.now();
          const answer = await exchangeOnce(side.port, request('GET', target), { timeoutMs: 30_000 });
          return { said: comparable(answer, side), ms: performance.now() - begun };
        });
        const [nginx, lbproxy] = await Promise.all(sides);
        return { target, seconds, nginx, lbproxy };
      }),
    );
    return answers.flatMap(({ target, seconds, nginx, lbproxy }) => {
      expect(lbproxy.said, target).toEqual(nginx.said);
      expect(lbproxy.ms, target).toBeGreaterThan((seconds - 1) * 1000 - 50);
      // Both begin within the same second, or in two that follow each other.
      const isLate = Math.abs(lbproxy.ms - nginx.ms) >= 1500 || (seconds === 0 && lbproxy.ms >= 900);
      return isLate ? [`${target}: ${lbproxy.ms} and ${nginx.ms} ms`] : [];
    });
  }
});
