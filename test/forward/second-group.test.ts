// An exchange that goes on to another group (as an error page will make it) is that group's: its Host, its name, its attempts behind
// " : " in the variables, its own failure.

import { afterEach, expect, it } from 'vitest';
import { sendBody } from '../../src/answer/whole.ts';
import { CacheSet } from '../../src/cache/cache-set.ts';
import { lookupAny } from '../../src/config/registry.ts';
import type { Exchange, Handler } from '../../src/exchange/exchange.ts';
import { compileForward } from '../../src/forward/compile-forward.ts';
import { PeerTlsSet } from '../../src/forward/tls/peer-tls.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { UpstreamSet } from '../../src/upstream/upstream-set.ts';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';
import { readModel } from '../support/proxy.ts';
import { startRecordingPeer } from '../support/recording-peer.ts';
import { deadPort } from '../support/upstream.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Goes to each proxy_pass in turn: the error page of one is the next. What the last leaves is read when it is done. */
async function through(
  groups: string,
  passes: readonly string[],
): Promise<{ exchange: Exchange; status: number }> {
  const places = passes.map((pass, i) => `location /${i} { proxy_pass ${pass}; }`);
  const { model, remove } = readModel(
    `http { ${groups} server { listen 127.0.0.1:0; ${places.join('\n')} } }`,
  );
  remove();
  const upstreams = new UpstreamSet(model, NOTHING_DISCOVERED, null);
  closing.push(() => upstreams.retire(null));
  const handlers = model.servers[0].locations.map(({ settings, match }): Handler => {
    if (settings.proxyPass === null) throw new Error('no proxy_pass');
    return compileForward(settings.proxyPass, settings, match, {
      lookup: lookupAny,
      upstreams,
      peerTls: new PeerTlsSet({}, '/', null),
      caches: new CacheSet([], null),
      tap: null,
      log: { note: () => {}, attemptFailed: () => {} },
      absolute: (_x, location) => location,
      waitPage: () => {},
    });
  });
  const client = new FakeClient();
  let next = 0;
  const exchange = fakeExchange(client, 'GET / HTTP/1.1\r\nHost: client.example\r\n\r\n', {
    fail: (x, status) => {
      const handle = handlers[++next];
      if (handle !== undefined) return handle(x);
      x.status = status;
      sendBody(x, '');
    },
  });
  handlers[0](exchange);
  const { status } = await client.answer;
  return { exchange, status };
}

const value = (x: Exchange, name: string): string | undefined => lookupAny(name)?.(x);

it('sends the second group its own Host and lists both', async () => {
  const peer = await startRecordingPeer();
  closing.push(() => void peer.close());
  const [one, two] = [await deadPort(), await deadPort()];
  const { exchange, status } = await through(
    `upstream first { server 127.0.0.1:${one} max_fails=0; server 127.0.0.1:${two} max_fails=0; } upstream second { server ${peer.address}; }`,
    ['http://first', 'http://second'],
  );
  expect(status).toBe(200);
  expect(peer.received[0]).toContain('\r\nHost: second\r\n');
  expect(value(exchange, 'proxy_host')).toBe('second');
  expect(value(exchange, 'upstream_addr')).toBe(`127.0.0.1:${one}, 127.0.0.1:${two} : ${peer.address}`);
  expect(value(exchange, 'upstream_status')).toBe('502, 502 : 200');
  expect(value(exchange, 'upstream_response_time')).toMatch(/^\d\.\d{3}, \d\.\d{3} : \d\.\d{3}$/);
});

it('counts three groups, the second of a single server named in the URL', async () => {
  const [one, two, three] = [await deadPort(), await deadPort(), await deadPort()];
  const { exchange, status } = await through(
    `upstream first { server 127.0.0.1:${one}; } upstream third { server 127.0.0.1:${three}; }`,
    ['http://first', `http://127.0.0.1:${two}`, 'http://third'],
  );
  expect(status).toBe(502);
  expect(value(exchange, 'upstream_addr')).toBe(
    [one, two, three].map((port) => `127.0.0.1:${port}`).join(' : '),
  );
  expect(value(exchange, 'upstream_status')).toBe('502 : 502 : 502');
  expect(value(exchange, 'proxy_host')).toBe('third');
});

it('says of a second group without a live peer that it has none', async () => {
  const one = await deadPort();
  const { exchange, status } = await through(
    `upstream first { server 127.0.0.1:${one}; } upstream second { server 127.0.0.1:${one} down; }`,
    ['http://first', 'http://second'],
  );
  expect(status).toBe(502);
  expect(exchange.failure).toBe('no_live_peer');
  expect(value(exchange, 'upstream_addr')).toBe(`127.0.0.1:${one} : second`);
});

it('names by variables as well', async () => {
  const peer = await startRecordingPeer();
  closing.push(() => void peer.close());
  const one = await deadPort();
  const { exchange } = await through(`upstream first { server 127.0.0.1:${one}; }`, [
    'http://first',
    `http://${peer.address}$arg_none`,
  ]);
  expect(peer.received[0]).toContain(`\r\nHost: ${peer.address}\r\n`);
  expect(value(exchange, 'upstream_addr')).toBe(`127.0.0.1:${one} : ${peer.address}`);
});
