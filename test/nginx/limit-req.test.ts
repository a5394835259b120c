// limit_req beside nginx with four processes: the same requests pass, wait and are refused, and the same is said of them.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { numbers } from '../zones/records.ts';
import { countsOf, onceSame, type Site, siteFiles, startSites, statusOf } from './limit-sites.ts';

const files = siteFiles();
afterAll(() => files.remove());

/** At one request a minute a second more or less changes nothing. */
const HTTP = `
  log_format limits '$uri $args $status $limit_req_status $limit_conn_status';
  large_client_header_buffers 4 128k;
  limit_req_zone $arg_k zone=one:64k rate=1r/m;
  limit_req_zone $arg_k$arg_j zone=two:64k rate=2r/m;
  limit_req_zone $arg_j zone=three:64k rate=1r/m;
  limit_req_zone $arg_k zone=tiny:32k rate=1r/m;
  limit_req_zone $arg_k zone=fast:64k rate=4r/s;
  limit_req_zone $arg_k zone=faster:64k rate=10r/s;
  limit_req_zone $binary_remote_addr zone=address:64k rate=1r/m;
  limit_req_zone $http_x_long zone=long:128k rate=1r/m;
  server {
    listen 127.0.0.1:{port};
    access_log {dir}/access.log limits;
    root ${files.dir};
    location = /plain { alias ${files.dir}/file.txt; limit_req zone=one; }
    location = /burst { alias ${files.dir}/file.txt; limit_req zone=one burst=3 nodelay; }
    location = /chain { alias ${files.dir}/file.txt; limit_req zone=one burst=6 nodelay; limit_req zone=two burst=2 nodelay;
      limit_req zone=three burst=4 nodelay; }
    location = /empty-last { alias ${files.dir}/file.txt; limit_req zone=one burst=5 nodelay; limit_req zone=three burst=1 nodelay; }
    location = /dry { alias ${files.dir}/file.txt; limit_req zone=one burst=2; limit_req_dry_run on; limit_req_log_level warn; }
    location = /status { alias ${files.dir}/file.txt; limit_req zone=two burst=1 nodelay; limit_req_status 429; limit_req_log_level info; }
    location = /crowd { alias ${files.dir}/file.txt; limit_req zone=one burst=20 nodelay; }
    location = /crowd-chain { alias ${files.dir}/file.txt; limit_req zone=one burst=30 nodelay; limit_req zone=three burst=12 nodelay; }
    location = /tiny { alias ${files.dir}/file.txt; limit_req zone=tiny; limit_req_log_level info; }
    location = /wait { alias ${files.dir}/file.txt; limit_req zone=fast burst=4; }
    location = /wait-later { alias ${files.dir}/file.txt; limit_req zone=fast burst=8 delay=4; limit_req zone=faster burst=9; }
    location = /leave { alias ${files.dir}/file.txt; limit_req zone=one burst=3; }
    location = /address { alias ${files.dir}/file.txt; limit_req zone=address burst=1 nodelay; }
    location = /long { alias ${files.dir}/file.txt; limit_req zone=long burst=1 nodelay; }
    location /sub/ { index index.txt; limit_req zone=one burst=1 nodelay; }
    location = /page { alias ${files.dir}/file.txt; limit_req zone=two burst=1 nodelay; error_page 503 =429 /inherits/a; }
    location = /named { alias ${files.dir}/file.txt; limit_req zone=three burst=2 nodelay; error_page 503 @elsewhere; }
    location @elsewhere { root ${files.dir}/sub; limit_req zone=one; try_files /index.txt =404; }
    location /inherits/ { limit_req zone=three burst=1 nodelay; location = /inherits/a { alias ${files.dir}/file.txt; }
      location = /inherits/b { alias ${files.dir}/file.txt; limit_req zone=one; } }
  }`;

describe.skipIf(nginxVersion === '')('limit_req beside nginx', () => {
  let sites: readonly Site[] = [];
  beforeEach(async () => {
    const { nginx, lbproxy } = await startSites(HTTP);
    sites = [nginx, lbproxy];
  }, 40_000);
  afterEach(() => Promise.all(sites.map((site) => site.stop())));

  /** The statuses of both sides to the same requests, one after the other. */
  async function inTurn(targets: readonly string[], lines = ''): Promise<[number[], number[]]> {
    const all = await Promise.all(
      sites.map(async (site) => {
        const statuses: number[] = [];
        for (const target of targets) statuses.push(await statusOf(site, target, lines));
        return statuses;
      }),
    );
    return [all[0], all[1]];
  }

  async function crowds(targets: readonly string[]): Promise<Record<number, number>[]> {
    return Promise.all(sites.map((site) => countsOf(site, targets)));
  }

  it('300 requests in turn, to all places and keys', async () => {
    const random = numbers(17);
    const places =
      '/plain /burst /chain /empty-last /dry /status /sub/ /inherits/a /inherits/b /page /named'.split(' ');
    const targets = Array.from({ length: 300 }, () => {
      const j = ['', '&j=1', '&j=2'][random(3)];
      return `${places[random(places.length)]}?k=${['', 'a', 'b', 'c'][random(4)]}${j}`;
    });
    const [theirs, ours] = await inTurn([...Array(4).fill('/dry?k=first'), ...targets]);
    expect(ours).toEqual(theirs);
    expect(new Set(theirs)).toEqual(new Set([200, 429, 503]));
    // Lines of several processes come in the order in which they are written.
    const [expected, logged] = await onceSame(sites, ({ dir }) =>
      readFileSync(join(dir, 'access.log'), 'utf8').split('\n'),
    );
    expect(logged).toEqual(expected);
    expect(logged).toHaveLength(4 + 300 + 1);
    for (const word of ['PASSED', 'REJECTED', 'DELAYED_DRY_RUN', 'REJECTED_DRY_RUN'])
      expect(expected.join('\n')).toContain(` ${word} `);
    const [said, told] = await onceSame(sites, (site) => site.messages());
    expect(told).toEqual(said);
    for (const level of ['error', 'warn', 'notice', 'info'])
      expect(said.some((line) => line.startsWith(`${level} `))).toBe(true);
  }, 60_000);

  it('80 at once, on connections of their own: as many pass', async () => {
    for (const key of ['x', 'y']) {
      const [theirs, ours] = await crowds(Array.from({ length: 80 }, () => `/crowd?k=${key}`));
      expect([theirs, ours]).toEqual([
        { 200: 21, 503: 59 },
        { 200: 21, 503: 59 },
      ]);
    }
  }, 30_000);

  it('80 at once through two limits: as many pass, and what the second refuses the first does not count', async () => {
    const [, ours] = await crowds(Array.from({ length: 80 }, () => '/crowd-chain?k=chain&j=chain'));
    expect(ours).toEqual({ 200: 13, 503: 67 });
    const [theirs, then] = await crowds(Array.from({ length: 60 }, () => '/crowd-chain?k=chain'));
    expect([theirs, then]).toEqual([
      { 200: 18, 503: 42 },
      { 200: 18, 503: 42 },
    ]);
  }, 30_000);

  it('a full zone forgets the oldest key, and is full with as many', async () => {
    const fill = Array.from({ length: 190 }, (_, i) => `/tiny?k=fill${i}`);
    // Of all of them none is forgotten; then the oldest are, one for each new key.
    const again = ['/tiny?k=fill189', '/tiny?k=fill0', '/tiny?k=new0', '/tiny?k=new1', '/tiny?k=new2'];
    const oldest = ['fill1', 'fill2', 'fill3', 'fill0', 'fill189', 'new1'].map((key) => `/tiny?k=${key}`);
    const [theirs, ours] = await inTurn([...fill, ...again, ...oldest]);
    expect(ours).toEqual(theirs);
    expect(theirs.slice(190)).toContain(200);
    expect(theirs.slice(190)).toContain(503);
  }, 60_000);

  it('long keys count by all they are, and have no room in a small zone', async () => {
    for (const length of [35, 36, 37, 200, 5000, 40_000, 66_000]) {
      const line = `X-Long: ${'l'.repeat(length)}\r\n`;
      const [theirs, ours] = await inTurn(['/long', '/long', '/long'], line);
      expect([length, ours]).toEqual([length, theirs]);
      const [theirOther, other] = await inTurn(['/long'], line.replace('l\r', 'm\r'));
      expect([length, other]).toEqual([length, theirOther]);
    }
    const about = (lines: readonly string[]): string[] => lines.filter((line) => /node|value of/.test(line));
    const [said, told] = await onceSame(sites, (site) => about(site.messages()));
    expect(told).toEqual(said);
  }, 60_000);

  it('the address of the client is a key', async () => {
    const [theirs, ours] = await inTurn(Array.from({ length: 4 }, () => '/address'));
    expect([theirs, ours]).toEqual([
      [200, 200, 503, 503],
      [200, 200, 503, 503],
    ]);
  });

  /** When those that passed had their answers, counted from the first; whether so many passed, none early or much too late. */
  async function waits(
    site: Site,
    target: string,
    passes: number,
    dueMs: (i: number) => number,
  ): Promise<boolean> {
    const began = performance.now();
    const one = async () => ({ status: await statusOf(site, target), ms: performance.now() - began });
    const all = await Promise.all(Array.from({ length: 16 }, one));
    const of = (status: number): number[] =>
      all
        .filter((each) => each.status === status)
        .map(({ ms }) => ms)
        .sort((a, b) => a - b);
    const [passed, refused] = [of(200), of(503)];
    expect(passed.length + refused.length).toBe(16);
    expect(passed.length).toBeGreaterThanOrEqual(passes);
    for (const [i, ms] of passed.entries())
      expect([site.name, i, ms > dueMs(i) - 5]).toEqual([site.name, i, true]);
    // Who comes late finds that one more has had its turn.
    const lateMs = refused.at(-1) ?? 0;
    return (
      passed.length <= passes + Math.ceil(lateMs / 250) &&
      passed.every((ms, i) => ms < dueMs(i) + lateMs + 400)
    );
  }

  it('those that wait come in their turn, each at its time', async () => {
    for (const { path, passes, dueMs } of [
      { path: '/wait', passes: 5, dueMs: (i: number) => i * 250 },
      { path: '/wait-later', passes: 9, dueMs: (i: number) => Math.max((i - 4) * 250, i * 100) },
    ])
      await Promise.all(
        sites.map(async (site) => {
          // Never too early; not too late either, but where the machine is too busy to tell.
          let isOnTime = false;
          for (let round = 0; round < 8 && !isOnTime; round++)
            isOnTime = await waits(site, `${path}?k=${path}${round}`, passes, dueMs);
          expect([site.name, path, isOnTime]).toEqual([site.name, path, true]);
        }),
      );
  });

  it('a client that leaves while it waits is done with: 499, and what it counted stays', async () => {
    const leave = (site: Site, how: 'end' | 'destroy'): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(site.port, '127.0.0.1', () => {
          socket.write(`GET /leave?k=${how} HTTP/1.1\r\nHost: a\r\n\r\n`);
          setTimeout(() => socket[how](), 120);
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve());
        socket.resume();
      });
    const logs = (): string[] => sites.map(({ dir }) => readFileSync(join(dir, 'access.log'), 'utf8'));
    for (const how of ['end', 'destroy'] as const) {
      // The first passes at once; the others wait a minute and more.
      expect(await inTurn([`/leave?k=${how}`])).toEqual([[200], [200]]);
      await Promise.all(sites.flatMap((site) => [leave(site, how), leave(site, how)]));
      await expect
        .poll(() => logs().map((log) => log.split(`k=${how} 499 DELAYED `).length - 1), { timeout: 10_000 })
        .toEqual([2, 2]);
      // Of four that may be under way at once there are three then.
      expect(await inTurn(Array(2).fill(`/burst?k=${how}`))).toEqual([
        [200, 503],
        [200, 503],
      ]);
    }
    await expect
      .poll(() => logs().map((log) => log.split('\n').length), { timeout: 10_000 })
      .toEqual([11, 11]);
    const [expected, logged] = logs().map((log) => log.split('\n').sort());
    expect(logged).toEqual(expected);
  });

  it('a reload keeps what was counted, also with another rate', async () => {
    const [before] = await inTurn(['/burst?k=r', '/burst?k=r', '/burst?k=r', '/burst?k=r', '/burst?k=r']);
    expect(before).toEqual([200, 200, 200, 200, 503]);
    for (const http of [HTTP, HTTP.replace('zone=one:64k rate=1r/m', 'zone=one:64k rate=2r/m')]) {
      await Promise.all(sites.map((site) => site.reload(http)));
      const [theirs, ours] = await inTurn(['/burst?k=r', '/burst?k=other', '/plain?k=r']);
      expect(ours).toEqual(theirs);
      expect(theirs[0]).toBe(503);
    }
  }, 60_000);
});
