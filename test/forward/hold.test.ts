// A request that waits: what it says when that was in vain, how often it is sent again, what it costs a group without processes.

import { afterEach, describe, expect, it } from 'vitest';
import type { ProcessPort } from '../../src/balance/process-port.ts';
import { CacheSet } from '../../src/cache/cache-set.ts';
import { lookupAny } from '../../src/config/registry.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { compileForward } from '../../src/forward/compile-forward.ts';
import { PeerTlsSet } from '../../src/forward/tls/peer-tls.ts';
import { createFail, createWaitPage } from '../../src/serve/error-page.ts';
import type { Discovery } from '../../src/upstream/discovery.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { waitingRequests } from '../../src/upstream/waiting-room.ts';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';
import { pause, until } from '../support/http-client.ts';
import { processPort } from '../support/process-port.ts';
import { readModel } from '../support/proxy.ts';
import { deadPort, startRawUpstream } from '../support/upstream.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  expect(waitingRequests()).toBe(0);
});

const found = (...processes: readonly ProcessPort[]): Discovery => ({
  hosts: {},
  programs: { web: processes },
});

/** One location to one group on these ports. */
function open(ports: readonly number[], discovery: Discovery, settings = '', detail = true) {
  const servers = ports.map((port) => `server 127.0.0.1:${port};`).join(' ');
  const { model, remove } = readModel(
    `http { upstream u { ${servers} } server { listen 127.0.0.1:0; location / { proxy_pass http://u; ${settings} } } }`,
  );
  remove();
  const upstreams = new UpstreamSet(model, discovery, null);
  closing.push(() => upstreams.retire(null));
  const [{ settings: s, match }] = model.servers[0].locations;
  if (s.proxyPass === null) throw new Error('no proxy_pass');
  const log: string[] = [];
  const page = { serverName: 'lbproxy', errorDetail: detail };
  const handle = compileForward(s.proxyPass, s, match, {
    lookup: lookupAny,
    upstreams,
    peerTls: new PeerTlsSet({}, '/', null),
    tap: null,
    caches: new CacheSet([], null),
    log: {
      note: () => {},
      attemptFailed: (_x, attempt, text) => void log.push(`${attempt.peer} ${attempt.outcome}: ${text}`),
    },
    absolute: (_x, location) => location,
    waitPage: createWaitPage(page),
  });
  const ask = (fields = ''): { client: FakeClient; exchange: Exchange } => {
    const client = new FakeClient();
    const exchange = fakeExchange(client, `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`, {
      fail: createFail({ ...page, report: null, rules: null }),
    });
    handle(exchange);
    return { client, exchange };
  };
  return { upstreams, log, ask };
}

const COMING = { up: false, coming: true };

describe('a request that waits', () => {
  it('says which process it waited for, how that ended and what it wrote', async () => {
    const crashed = processPort(8001, {
      ...COMING,
      name: 'web:web1',
      condition: 'exited with status 1',
      conditionSinceMs: Date.now() - 3000,
      trouble: 'Traceback:\n  <module>\n',
    });
    const { ask, log } = open([8001], found(crashed), 'proxy_hold 100ms;');
    const { status, body } = await ask().client.answer;
    expect(status).toBe(504);
    const text = body.toString();
    expect(text).toMatch(/web:web1 \(port 8001\): exited with status 1 [34] s ago/);
    expect(text).toContain('<pre>Traceback:\r\n  &lt;module&gt;</pre>');
    expect(log).toEqual([expect.stringMatching(/^u hold_timeout: .*web:web1 .*\nTraceback:/)]);
    const hidden = open([8001], found(crashed), 'proxy_hold 100ms;', false);
    expect((await hidden.ask().client.answer).body.toString()).not.toContain('Traceback');
  });

  it('gives browsers a page that shows no more than it may', async () => {
    const crashed = processPort(8001, { ...COMING, name: 'web:web1', trouble: 'secret <b>' });
    for (const [detail, shown] of [
      [true, true],
      [false, false],
    ]) {
      const { ask } = open([8001], found(crashed), '', detail);
      const { status, body, fields } = await ask('Accept: text/html\r\n').client.answer;
      expect(status).toBe(503);
      expect(fields).toContainEqual(['Retry-After', '1']);
      expect(body.toString()).toContain('starting web:web1 (port 8001)');
      expect(body.toString().includes('secret &lt;b&gt;')).toBe(shown);
    }
  });

  it('is not what a group without processes does, nor one whose processes are all gone', async () => {
    const port = await deadPort();
    const plain = open([port], found());
    expect((await plain.ask().client.answer).status).toBe(502);
    const gone = open([port], found(processPort(port, { up: false, condition: 'stopped' })));
    const { status, body } = await gone.ask().client.answer;
    expect(status).toBe(502);
    expect(body.toString()).toContain(`(port ${port}): stopped`);
  });

  it('asks again, now and then, a process that is said to be up and refuses', async () => {
    const port = await deadPort();
    const { ask, log } = open([port], found(processPort(port, {})), 'proxy_hold 2s;');
    const { status } = await ask().client.answer;
    expect(status).toBe(502);
    const refused = log.filter((line) => line.includes('connect_refused'));
    // Once in 100 ms at most; a machine that stands still leaves some out.
    expect(refused.length).toBeGreaterThan(2);
    expect(refused.length).toBeLessThan(30);
  });

  it('is sent once more a second after its connection broke when nothing is heard of a crash, and given up then', async () => {
    const peer = await startRawUpstream((socket) => void socket.on('data', () => socket.destroy()));
    closing.push(() => peer.close());
    const { ask } = open([peer.port], found(processPort(peer.port, {})));
    const startedAt = performance.now();
    expect((await ask().client.answer).status).toBe(502);
    expect(performance.now() - startedAt).toBeLessThan(8000);
    expect(peer.connections).toBe(2);
  });

  it('is answered by the process that broke off and came back without a word', async () => {
    // As an app that loads itself anew by exec does: what it had not accepted is reset.
    let requests = 0;
    const peer = await startRawUpstream((socket) => {
      socket.on('data', () => {
        if (++requests === 1) socket.destroy();
        else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback');
      });
    });
    closing.push(() => peer.close());
    const { ask } = open([peer.port], found(processPort(peer.port, {})));
    expect((await ask().client.answer).status).toBe(200);
    expect(requests).toBe(2);
  });

  it('is sent a few times only to processes that end by it', async () => {
    const peer = await startRawUpstream((socket) => void socket.on('data', () => socket.destroy()));
    closing.push(() => peer.close());
    const at = (upSinceMs: number, own: Partial<ProcessPort> = {}): Discovery =>
      found(processPort(peer.port, { upSinceMs, ...own }));
    const { ask, upstreams, log } = open([peer.port], at(1));
    const { client } = ask();
    let answered = false;
    void client.answer.then(() => {
      answered = true;
    });
    // Each process ends when it has got the request, and not before that is noticed.
    for (let i = 2; !answered && i < 40; i++) {
      await until(() => answered || log.length >= i - 1, 10_000, `attempt ${i - 1}`);
      upstreams.discover(at(i - 1, COMING));
      await pause(60);
      upstreams.discover(at(i));
    }
    expect((await client.answer).status).toBe(502);
    expect(peer.connections).toBe(4);
  });

  it('leaves nothing behind when its client leaves', async () => {
    const { ask, upstreams } = open([8001], found(processPort(8001, COMING)));
    const { client, exchange } = ask();
    expect(waitingRequests()).toBe(1);
    client.leave(exchange);
    expect(waitingRequests()).toBe(0);
    expect(upstreams.of('u', '').waiting).toBeNull();
  });
});
