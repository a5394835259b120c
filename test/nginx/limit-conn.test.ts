// limit_conn beside nginx with four processes: as many are under way at once, and what is over is given back.
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { pause, until } from '../support/http-client.ts';
import type { LbproxyProcess } from '../support/lbproxy-process.ts';
import { nginxVersion } from '../support/nginx.ts';
import { onceSame, type Site, startSites, statusOf } from './limit-sites.ts';

/** A peer that answers only when it is told to. */
class SlowPeer {
  readonly waiting: ServerResponse[] = [];
  readonly server: Server = createServer((_request, response) => this.waiting.push(response));

  /** Resolves when so many wait. */
  async holds(count: number): Promise<void> {
    for (let i = 0; i < 400 && this.waiting.length < count; i++) await pause(10);
    expect(this.waiting.length).toBe(count);
  }

  answerAll(): void {
    for (const response of this.waiting.splice(0)) response.end('done\n');
  }
}

type Counts = Readonly<Record<number, number>>;

function tally(statuses: readonly number[]): Counts {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const httpOf = (deadPort: number): string => `
  log_format limits '$uri $args $status $limit_conn_status';
  limit_conn_zone $arg_k zone=a:64k;
  limit_conn_zone $arg_j zone=b:64k;
  limit_conn_zone $arg_k zone=tiny:32k;
  server {
    listen 127.0.0.1:{port};
    access_log {dir}/access.log limits;
    proxy_http_version 1.1;
    proxy_read_timeout 20s;
    location /peer0/ { proxy_pass http://127.0.0.1:{peer}; limit_conn a 7; }
    location /two/ { proxy_pass http://127.0.0.1:{peer}; limit_conn a 5; limit_conn b 3; limit_conn_status 429; limit_conn_log_level warn; }
    location /dry/ { proxy_pass http://127.0.0.1:{peer}; limit_conn a 2; limit_conn_dry_run on; limit_conn_log_level notice; }
    location /tiny/ { proxy_pass http://127.0.0.1:{peer}; limit_conn tiny 1; }
    location /gone/ { proxy_pass http://127.0.0.1:${deadPort}; limit_conn a 1; }
  }`;

describe.skipIf(nginxVersion === '')('limit_conn beside nginx', () => {
  const peers = [new SlowPeer(), new SlowPeer()];
  let ports: number[] = [];
  let deadPort = 0;
  let sites: readonly Site[] = [];
  let lbproxy: LbproxyProcess;
  beforeAll(async () => {
    ports = await freePorts(3);
    deadPort = ports[2];
    await Promise.all(
      peers.map(
        ({ server }, i) => new Promise<void>((resolve) => server.listen(ports[i], '127.0.0.1', resolve)),
      ),
    );
  });
  afterAll(() => {
    for (const { server } of peers) {
      server.closeAllConnections();
      server.close();
    }
  });
  beforeEach(async () => {
    // Each side has a peer of its own.
    const both = await startSites(httpOf(deadPort), ports);
    sites = [both.nginx, both.lbproxy];
    lbproxy = both.lbproxy.process;
  }, 40_000);
  afterEach(async () => {
    for (const peer of peers) peer.answerAll();
    await Promise.all(sites.map((site) => site.stop()));
  });

  /** All at once: resolves when each is at the peer or was refused; `over` has the peer answer, and gives all counts. */
  async function begin(
    i: number,
    targets: readonly string[],
  ): Promise<{ readonly refused: number; over(): Promise<Counts> }> {
    const [site, peer] = [sites[i], peers[i]];
    const before = peer.waiting.length;
    let refused = 0;
    const all = targets.map(async (target) => {
      const status = await statusOf(site, target);
      refused++;
      return status;
    });
    for (let n = 0; n < 1000 && peer.waiting.length - before + refused < targets.length; n++) await pause(10);
    expect(peer.waiting.length - before + refused).toBe(targets.length);
    const there = refused;
    return {
      refused: there,
      async over() {
        peer.answerAll();
        return tally(await Promise.all(all));
      },
    };
  }

  async function rounds(targets: readonly string[]): Promise<Counts[]> {
    return Promise.all(sites.map(async (_, i) => (await begin(i, targets)).over()));
  }

  it('as many pass of 60 at once, and again when they are over', async () => {
    for (let round = 0; round < 3; round++) {
      const counts = await rounds(Array(60).fill('/peer0/?k=x'));
      expect(counts).toEqual([
        { 200: 7, 503: 53 },
        { 200: 7, 503: 53 },
      ]);
      const two = [...Array(20).fill('/two/?k=x&j=y'), ...Array(10).fill('/two/?k=x')];
      // Of 20 three have both; of ten without the second key two fill up the first.
      const answers = await Promise.all(
        sites.map(async (_, i) => {
          const first = await begin(i, two.slice(0, 20));
          const then = await begin(i, two.slice(20));
          return [await first.over(), await then.over()];
        }),
      );
      expect(answers).toEqual([
        [
          { 200: 3, 429: 17 },
          { 200: 2, 429: 8 },
        ],
        [
          { 200: 3, 429: 17 },
          { 200: 2, 429: 8 },
        ],
      ]);
    }
    expect(await rounds(Array(12).fill('/dry/?k=d'))).toEqual([{ 200: 12 }, { 200: 12 }]);
    expect(await rounds(Array(9).fill('/peer0/'))).toEqual([{ 200: 9 }, { 200: 9 }]);
    // Which of two zones refuses one of many at once is luck in both: a place is given back only after the second zone's no.
    const anyZone = (line: string): string =>
      line.replace(/^warn (.*) by zone "[ab]"$/, 'warn $1 by zone a or b');
    const [said, told] = await onceSame(sites, (site) => site.messages().map(anyZone));
    expect(told).toEqual(said);
    expect(said).toContain('notice limiting connections, dry run, by zone "a"');
    const [expected, logged] = await onceSame(sites, ({ dir }) =>
      readFileSync(join(dir, 'access.log'), 'utf8').split('\n'),
    );
    expect(logged).toEqual(expected);
    expect(logged).toHaveLength(3 * 90 + 12 + 9 + 1);
  }, 60_000);

  it('requests in turn each find the place free, whatever became of the one before', async () => {
    for (let i = 0; i < 60; i++) {
      const statuses = await Promise.all(sites.map((site) => statusOf(site, '/gone/?k=g')));
      expect(statuses).toEqual([502, 502]);
    }
    // A client that leaves gives its place back.
    for (const [i, site] of sites.entries()) {
      const clients = Array.from({ length: 7 }, () => {
        const client = connect(site.port, '127.0.0.1', () =>
          client.write('GET /peer0/?k=leaves HTTP/1.1\r\nHost: a\r\n\r\n'),
        );
        return client.on('error', () => {});
      });
      await peers[i].holds(7);
      expect(await statusOf(site, '/peer0/?k=leaves')).toBe(503);
      for (const client of clients) client.destroy();
      peers[i].waiting.splice(0);
      // As soon as that is noticed.
      await until(
        async () => {
          const next = await begin(i, ['/peer0/?k=leaves']);
          await next.over();
          return next.refused === 0;
        },
        10_000,
        'the places are free',
      );
    }
  }, 30_000);

  it('keys of more than 255 bytes are not counted; a full zone refuses, and has room for as many', async () => {
    const long = (length: number): string[] => Array(3).fill(`/tiny/?k=${'x'.repeat(length)}`);
    expect(await rounds(long(256))).toEqual([{ 200: 3 }, { 200: 3 }]);
    expect(await rounds(long(255))).toEqual([
      { 200: 1, 503: 2 },
      { 200: 1, 503: 2 },
    ]);
    // Of 200 bytes 16 fit into a page; five pages are left, and what is left of the small ones is of no use to them.
    const keys = Array.from({ length: 120 }, (_, i) => `/tiny/?k=${i}${'y'.repeat(200)}`);
    const held = await rounds(keys);
    expect(held[1]).toEqual(held[0]);
    expect(held[0][503]).toBeGreaterThan(10);
    const [said, told] = await onceSame(sites, (site) => site.messages());
    expect(told).toEqual(said);
  }, 60_000);

  it('an acceptor that is killed gives back what it had', async () => {
    const targets = Array(20).fill('/peer0/?k=killed');
    const first = await begin(1, targets);
    expect(first.refused).toBe(13);
    const before = lbproxy.acceptorPids();
    // One has what the others lack; whoever comes in its place hears what is left.
    for (const pid of before.slice(1)) process.kill(pid, 'SIGKILL');
    await lbproxy.acceptors(4, before.slice(1), 15_000);
    process.kill(before[0], 'SIGKILL');
    await lbproxy.acceptors(4, before, 15_000);
    await first.over();
    await until(
      async () => {
        const again = await begin(1, targets);
        await again.over();
        return again.refused === 13;
      },
      10_000,
      'what the dead had is given back',
    );
  }, 60_000);

  it('a reload keeps count of what is under way', async () => {
    const http = httpOf(deadPort);
    const before = await Promise.all(sites.map((_, i) => begin(i, Array(5).fill('/peer0/?k=r'))));
    await Promise.all(sites.map((site) => site.reload(http)));
    const then = await Promise.all(sites.map((_, i) => begin(i, Array(10).fill('/peer0/?k=r'))));
    expect(await Promise.all(before.map((one) => one.over()))).toEqual([{ 200: 5 }, { 200: 5 }]);
    expect(await Promise.all(then.map((one) => one.over()))).toEqual([
      { 200: 2, 503: 8 },
      { 200: 2, 503: 8 },
    ]);
  }, 60_000);
});
