// limit_conn beside nginx with four processes: as many are under way at once, and what is over is given back.
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { pause } from '../support/http-client.ts';
import type { LbproxyProcess } from '../support/lbproxy-process.ts';
import { nginxVersion } from '../support/nginx.ts';
import { countsOf, type Site, startSites, statusOf } from './limit-sites.ts';

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

  /** Asks for all at once on both sides, has the peers answer those that got through, and gives both sides' counts. */
  async function rounds(targets: readonly string[], through: number): Promise<Record<number, number>[]> {
    return Promise.all(
      sites.map(async (site, i) => {
        const counts = countsOf(site, targets);
        await peers[i].holds(through);
        // The others were refused meanwhile; nobody waits for them.
        await pause(300);
        expect(peers[i].waiting.length).toBe(through);
        peers[i].answerAll();
        return counts;
      }),
    );
  }

  it('as many pass of 60 at once, and again when they are over', async () => {
    for (let round = 0; round < 3; round++) {
      const counts = await rounds(
        Array.from({ length: 60 }, () => '/peer0/?k=x'),
        7,
      );
      expect(counts).toEqual([
        { 200: 7, 503: 53 },
        { 200: 7, 503: 53 },
      ]);
      const two = [...Array(20).fill('/two/?k=x&j=y'), ...Array(10).fill('/two/?k=x')];
      // Of 20 three have both; the ten without the second key fill up the first, or come first.
      const answers = await Promise.all(
        sites.map(async (site, i) => {
          const first = countsOf(site, two.slice(0, 20));
          await peers[i].holds(3);
          await pause(200);
          const then = countsOf(site, two.slice(20));
          await peers[i].holds(5);
          await pause(200);
          peers[i].answerAll();
          return [await first, await then];
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
    expect(await rounds(Array(12).fill('/dry/?k=d'), 12)).toEqual([{ 200: 12 }, { 200: 12 }]);
    expect(await rounds(Array(9).fill('/peer0/'), 9)).toEqual([{ 200: 9 }, { 200: 9 }]);
    await pause(300);
    const [said, told] = await Promise.all(sites.map((site) => site.messages()));
    expect(told.sort()).toEqual(said.sort());
    expect(said).toContain('notice limiting connections, dry run, by zone "a"');
    const [expected, logged] = sites.map(({ dir }) => readFileSync(join(dir, 'access.log'), 'utf8'));
    expect(logged.split('\n').sort()).toEqual(expected.split('\n').sort());
  }, 60_000);

  it('requests in turn each find the place free, whatever became of the one before', async () => {
    for (const target of ['/gone/?k=g', '/gone/?k=g', '/gone/?k=g']) {
      const statuses = await Promise.all(sites.map((site) => statusOf(site, target)));
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
      await pause(300);
      peers[i].waiting.splice(0);
      const next = statusOf(site, '/peer0/?k=leaves');
      await peers[i].holds(1);
      peers[i].answerAll();
      expect(await next).toBe(200);
    }
  }, 30_000);

  it('keys of more than 255 bytes are not counted; a full zone refuses, and has room for as many', async () => {
    const long = (length: number): string[] => Array(3).fill(`/tiny/?k=${'x'.repeat(length)}`);
    expect(await rounds(long(256), 3)).toEqual([{ 200: 3 }, { 200: 3 }]);
    expect(await rounds(long(255), 1)).toEqual([
      { 200: 1, 503: 2 },
      { 200: 1, 503: 2 },
    ]);
    // Of 200 bytes 16 fit into a page; five pages are left, and what is left of the small ones is of no use to them.
    const keys = Array.from({ length: 120 }, (_, i) => `/tiny/?k=${i}${'y'.repeat(200)}`);
    const held = await Promise.all(
      sites.map(async (site, i) => {
        const counts = countsOf(site, keys);
        await pause(2500);
        const { length } = peers[i].waiting;
        peers[i].answerAll();
        return [length, await counts];
      }),
    );
    expect(held[1]).toEqual(held[0]);
    expect((held[0][1] as Record<number, number>)[503]).toBeGreaterThan(10);
    const [said, told] = await Promise.all(sites.map((site) => site.messages()));
    expect(told.sort()).toEqual(said.sort());
  }, 60_000);

  it('an acceptor that is killed gives back what it had', async () => {
    const [, site] = sites;
    const counts = Array.from({ length: 40 }, () => statusOf(site, '/peer0/?k=killed').catch(() => 0));
    await peers[1].holds(7);
    await pause(200);
    expect(await statusOf(site, '/peer0/?k=killed')).toBe(503);
    const before = lbproxy.acceptorPids();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await Promise.all(counts);
    await lbproxy.acceptors(4, before, 15_000);
    await pause(500);
    peers[1].waiting.splice(0);
    const again = countsOf(site, Array(20).fill('/peer0/?k=killed'));
    await peers[1].holds(7);
    await pause(200);
    peers[1].answerAll();
    expect(await again).toEqual({ 200: 7, 503: 13 });
  }, 60_000);

  it('a reload keeps count of what is under way', async () => {
    const http = httpOf(deadPort);
    const counts = sites.map((site) => countsOf(site, Array(5).fill('/peer0/?k=r')));
    await Promise.all(peers.map((peer) => peer.holds(5)));
    await Promise.all(sites.map((site) => site.reload(http)));
    const then = sites.map((site) => countsOf(site, Array(10).fill('/peer0/?k=r')));
    await Promise.all(peers.map((peer) => peer.holds(7)));
    await pause(300);
    for (const peer of peers) peer.answerAll();
    expect(await Promise.all(counts)).toEqual([{ 200: 5 }, { 200: 5 }]);
    expect(await Promise.all(then)).toEqual([
      { 200: 2, 503: 8 },
      { 200: 2, 503: 8 },
    ]);
  }, 60_000);
});
