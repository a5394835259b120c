// What acceptors counted, added up in the primary: never less than before, whoever dies; bounded, whatever comes.
import { describe, expect, it } from 'vitest';
import { Attempt } from '../../../src/exchange/attempt.ts';
import { TrafficBook } from '../../../src/observe/traffic/book.ts';
import {
  NO_NUMBERS,
  type PeerNow,
  readDelta,
  type TrafficDelta,
} from '../../../src/observe/traffic/delta.ts';
import { ratesBetween } from '../../../src/observe/traffic/rates.ts';
import { MAX_SERIES, OTHER, seriesKey } from '../../../src/observe/traffic/series.ts';
import type { Surroundings } from '../../../src/observe/traffic/snapshot.ts';
import { TrafficTotals } from '../../../src/observe/traffic/totals.ts';
import { systemClock } from '../../../src/shared/clock.ts';
import { stubExchange } from '../../support/stub-exchange.ts';

const SURROUNDINGS: Surroundings = {
  version: '1',
  startedAtMs: 0,
  acceptorDeaths: 0,
  reloads: { done: 0, refused: 0, lastDoneAtMs: 0, lastOk: true },
  processes: [],
  programs: [],
  certificates: [],
};

const createTotals = (): TrafficTotals => new TrafficTotals(() => SURROUNDINGS);

/** As it arrives over the channel. */
function taken(book: TrafficBook, own = NO_NUMBERS, now: readonly PeerNow[] | null = null): TrafficDelta {
  const sent = JSON.parse(JSON.stringify({ ...book.take(), own, now })) as Record<string, unknown>;
  const delta = readDelta(sent);
  if (delta === null) throw new Error('an acceptor sent what is no delta');
  return delta;
}

function attempt(outcome: Attempt['outcome'], peer = '10.0.0.1:80', upstream = 'app'): Attempt {
  const one = new Attempt(peer, 0, upstream);
  one.outcome = outcome;
  one.status = outcome === 'ok' ? 200 : 0;
  one.totalMs = 20;
  one.bytesSent = 100;
  one.bytesReceived = 1000;
  return one;
}

function countOne(book: TrafficBook, location: string, attempts: readonly Attempt[] = []): void {
  const x = stubExchange();
  x.status = 200;
  for (const each of attempts) x.beginAttempt(each);
  book.location('a.test', location).count(x);
}

describe('the traffic of all acceptors', () => {
  it('has requests by server and location, attempts by upstream, peer and outcome', () => {
    const totals = createTotals();
    totals.use(true, new Set([seriesKey('a.test', '/'), seriesKey('a.test', '/x')]));
    const [one, two] = [new TrafficBook(), new TrafficBook()];
    countOne(one, '/', [attempt('connect_refused', '10.0.0.2:80'), attempt('ok')]);
    countOne(one, '/x');
    countOne(two, '/', [attempt('no_live_peer', 'app')]);
    totals.join(1, 11, 0);
    totals.join(2, 12, 0);
    totals.add(1, taken(one));
    totals.add(2, taken(two));
    const { total, servers, upstreams, acceptors } = totals.snapshot();
    expect(total.requests).toBe(3);
    expect(total.statuses).toEqual({ 200: 3 });
    expect(total.latency.count).toBe(3);
    expect(servers.map(({ server, requests }) => [server, requests])).toEqual([['a.test', 3]]);
    expect(servers[0].locations.map(({ location, requests }) => [location, requests])).toEqual([
      ['/', 2],
      ['/x', 1],
    ]);
    const [{ upstream, attempts, outcomes, peers }] = upstreams;
    expect([upstream, attempts, outcomes]).toEqual([
      'app',
      3,
      { ok: 1, connect_refused: 1, no_live_peer: 1 },
    ]);
    expect(peers.map(({ peer, outcomes }) => [peer, outcomes])).toEqual([
      ['-', { no_live_peer: 1 }],
      ['10.0.0.1:80', { ok: 1 }],
      ['10.0.0.2:80', { connect_refused: 1 }],
    ]);
    expect(peers[1]).toMatchObject({ classes: { '2xx': 1 }, bytesSent: 100, bytesReceived: 1000 });
    expect(acceptors.map(({ pid, requests }) => [pid, requests])).toEqual([
      [11, 2],
      [12, 1],
    ]);
  });

  it('stays when an acceptor is gone, and takes what it had told before also behind that', () => {
    const totals = createTotals();
    const book = new TrafficBook();
    totals.join(1, 11, 0);
    countOne(book, '/');
    totals.add(1, taken(book, { ...NO_NUMBERS, accepted: 3, active: 2 }));
    countOne(book, '/');
    totals.forget(1);
    totals.add(1, taken(book, { ...NO_NUMBERS, accepted: 1, active: 2 }));
    const { total, acceptors, connections } = totals.snapshot();
    expect(total.requests).toBe(2);
    expect(acceptors).toEqual([]);
    expect(connections).toMatchObject({ accepted: 4, active: 0 });
  });

  it('has the last failure of a peer with its time, whoever tells of it last; what clients did is none', () => {
    const totals = createTotals();
    const [one, two] = [new TrafficBook(), new TrafficBook()];
    const lastOf = () => totals.snapshot().upstreams[0].peers[0].lastFailure;
    const began = systemClock.now();
    const failed = (outcome: Attempt['outcome'], startedAt: number): Attempt => {
      const each = new Attempt('10.0.0.1:80', startedAt, 'app');
      each.outcome = outcome;
      each.totalMs = 20;
      return each;
    };
    const atMs = (at: number): number => Math.round(Date.now() - (systemClock.now() - at - 20));
    countOne(one, '/', [failed('ok', began), failed('client_aborted', began)]);
    totals.add(1, taken(one));
    expect(lastOf()).toBe(null);

    // It ended long before its exchange did.
    countOne(one, '/', [failed('connect_refused', began - 5000), failed('ok', began - 4000)]);
    countOne(two, '/', [failed('http_503', began - 60_000)]);
    totals.add(1, taken(one));
    const first = lastOf();
    expect(first?.cause).toBe('connect_refused');
    expect(Math.abs((first?.atMs ?? 0) - atMs(began - 5000))).toBeLessThan(5);
    totals.add(2, taken(two));
    expect(lastOf()).toEqual(first);
    countOne(two, '/', [failed('head_timeout', began - 3000), failed('tls_error', began - 4000)]);
    totals.add(2, taken(two));
    expect(lastOf()?.cause).toBe('head_timeout');
    // Nothing new is no news.
    countOne(two, '/', [failed('ok', began)]);
    totals.add(2, taken(two));
    expect(lastOf()?.cause).toBe('head_timeout');
  });

  it('has a bound for locations and for peers, and still counts all of them', () => {
    const totals = createTotals();
    totals.use(true, new Set());
    const n = 3 * MAX_SERIES;
    for (let i = 0; i < n; i++) {
      const book = new TrafficBook();
      countOne(book, `/${i}`, [attempt('ok', `10.0.0.1:${i}`)]);
      totals.add(1, taken(book));
    }
    const { total, servers, upstreams } = totals.snapshot();
    expect(total.requests).toBe(n);
    expect(servers.flatMap(({ locations }) => locations).length).toBe(2 * MAX_SERIES + 1);
    expect(servers.find(({ server }) => server === OTHER)?.requests).toBe(n - 2 * MAX_SERIES);
    const peers = upstreams.flatMap((one) => one.peers);
    expect(peers.length).toBe(MAX_SERIES + 1);
    expect(peers.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(n);
  });

  it('gives the place of peers that were idle for long to others', () => {
    const totals = createTotals();
    const add = (peer: string, nowMs: number): void => {
      const book = new TrafficBook();
      countOne(book, '/', [attempt('ok', peer)]);
      totals.add(1, taken(book), nowMs);
    };
    for (let i = 0; i < MAX_SERIES; i++) add(`old:${i}`, 0);
    add('young:1', 1000);
    add('young:2', 3_600_000);
    const peers = totals.snapshot().upstreams.flatMap((one) => one.peers.map(({ peer }) => peer));
    expect(peers.toSorted()).toEqual(['other', 'young:2']);
  });

  it('tells how peers are, those too that nobody has asked yet', () => {
    const totals = createTotals();
    const book = new TrafficBook();
    for (const id of [1, 2, 3]) totals.join(id, id, 0);
    totals.add(
      1,
      taken(book, NO_NUMBERS, [
        ['app', 'a', 5, 2, 0, 0],
        ['app', 'b', 1, 3, 1, 0],
      ]),
    );
    totals.add(
      2,
      taken(book, NO_NUMBERS, [
        ['app', 'a', 5, 1, 0, 1],
        ['app', 'b', 1, 4, 1, 2],
      ]),
    );
    totals.add(2, taken(book));
    const peers = totals.snapshot().upstreams[0].peers;
    expect(peers.map(({ peer, attempts, now }) => [peer, attempts, now])).toEqual([
      ['a', 0, { state: 'failing', weight: 5, active: 3 }],
      ['b', 0, { state: 'down', weight: 1, active: 4 }],
    ]);
    totals.forget(1);
    totals.forget(2);
    expect(totals.snapshot().upstreams).toEqual([]);
  });

  it('keeps the locations of configurations before as long as there is room', () => {
    const totals = createTotals();
    totals.use(true, new Set([seriesKey('a.test', '/old')]));
    const book = new TrafficBook();
    countOne(book, '/old');
    totals.add(1, taken(book));
    totals.use(true, new Set([seriesKey('a.test', '/new')]));
    expect(totals.snapshot().servers[0].locations.map(({ location }) => location)).toEqual(['/old']);
  });

  it('is told of locations that no configuration has any more, as long as requests end there', () => {
    const totals = createTotals();
    const book = new TrafficBook();
    const old = book.location('a.test', '/');
    book.keepLocations(new Set());
    expect(book.location('a.test', '/')).not.toBe(old);
    const x = stubExchange();
    old.count(x);
    book.location('a.test', '/').count(x);
    totals.add(1, taken(book));
    expect(totals.snapshot().servers[0].locations.map(({ requests }) => requests)).toEqual([2]);
  });

  it('counts an acceptor’s own peers in bounded memory', () => {
    const book = new TrafficBook();
    const names = Array.from({ length: 2 * MAX_SERIES }, (_, i) => attempt('ok', `h${i}`, `h${i}`));
    countOne(book, '/', names);
    const { peers } = book.take();
    expect(peers.length).toBe(MAX_SERIES + 1);
    expect(peers.reduce((sum, [, , added]) => sum + (added[added.indexOf(3) + 1] ?? 0), 0)).toBeGreaterThan(
      0,
    );
    expect(book.hasNews).toBe(false);
  });
});

describe('rates', () => {
  it('are what happened between two snapshots, per second', () => {
    const totals = createTotals();
    const book = new TrafficBook();
    totals.join(1, 11, 0);
    countOne(book, '/', [attempt('ok')]);
    totals.add(1, taken(book));
    const before = totals.snapshot(10_000);
    for (let i = 0; i < 4; i++) countOne(book, '/', [attempt(i === 0 ? 'head_timeout' : 'ok')]);
    totals.add(1, taken(book, { ...NO_NUMBERS, cpuMs: 500, accepted: 2 }));
    const rates = ratesBetween(before, totals.snapshot(12_000));
    expect(rates.seconds).toBe(2);
    expect(rates.total).toMatchObject({ requests: 2, statuses: { 200: 2 }, classes: { '2xx': 2 } });
    expect(rates.servers[0].locations[0]).toMatchObject({ location: '/', requests: 2 });
    expect(rates.upstreams[0].peers[0]).toMatchObject({
      attempts: 2,
      outcomes: { ok: 1.5, head_timeout: 0.5 },
      bytesSent: 200,
    });
    expect(rates.upstreams[0].p50Ms).toBeGreaterThan(18);
    expect(rates.upstreams[0].p50Ms).toBeLessThan(22);
    expect(rates.acceptors[0]).toMatchObject({ pid: 11, cpu: 0.25, requests: 2 });
    expect(rates.accepted).toBe(1);
  });

  it('of a series that began anew are not below zero', () => {
    const [one, two] = [createTotals(), createTotals()];
    const book = new TrafficBook();
    for (let i = 0; i < 5; i++) countOne(book, '/');
    one.add(1, taken(book));
    countOne(book, '/');
    two.add(1, taken(book));
    expect(ratesBetween(one.snapshot(0), two.snapshot(1000)).total.requests).toBe(1);
  });
});
