// /metrics of a whole lbproxy: what it says is true of all acceptors, well formed, never less than before, and has a bound.
import { describe, expect, it } from 'vitest';
import { fallen, type ReadFamily, readExposition } from '../support/exposition-format.ts';
import { get } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers } from '../support/peer-process.ts';

const MANY = 1100;

const config = (peer: string, more = ''): string => `
  worker_processes 2;
  http {
    upstream app { server ${peer}; server 127.0.0.1:PORT3 backup; }
    upstream dead { server 127.0.0.1:PORT3; }
    server {
      listen 127.0.0.1:PORT1;
      server_name shop.test;
      location / { proxy_pass http://app; }
      location /dead { proxy_pass http://dead; }
      location = /gone { return 410; }
      location ~ "^/q\\"\\\\d" { return 204; }
      location /uncounted { count_traffic off; return 204; }
      location = /sub { auth_request /auth; proxy_pass http://app/; }
      location = /auth { internal; proxy_pass http://app/; }
      ${more}
    }
    server {
      listen 127.0.0.1:PORT2;
      location = /metrics { count_traffic off; metrics; }
    }
  }`;

async function scrape(lbproxy: LbproxyProcess, accept?: string): Promise<ReadFamily[]> {
  const headers: Record<string, string> = accept === undefined ? {} : { Accept: accept };
  const { status, headers: fields, body } = await get(lbproxy.ports[1], '/metrics', { headers });
  expect(status).toBe(200);
  const openMetrics = accept?.includes('openmetrics') === true;
  expect(fields['content-type']).toBe(
    openMetrics
      ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
      : 'text/plain; version=0.0.4; charset=utf-8',
  );
  return readExposition(body, openMetrics);
}

/** The sum of the samples that have these labels. */
function value(families: readonly ReadFamily[], name: string, labels: Record<string, string> = {}): number {
  return families
    .flatMap(({ samples }) => samples)
    .filter((one) => one.name === name && Object.entries(labels).every(([k, v]) => one.labels[k] === v))
    .reduce((sum, one) => sum + one.value, 0);
}

/**
 * Until so many requests were counted: an acceptor that stands still for half a second is not waited for, and what it told last is shown.
 * Gives that scrape.
 */
async function scrapeOf(
  lbproxy: LbproxyProcess,
  requests: number,
  labels: Record<string, string> = {},
  accept?: string,
): Promise<ReadFamily[]> {
  let families: ReadFamily[] = [];
  const counted = async (): Promise<number> => {
    families = await scrape(lbproxy, accept);
    return value(families, 'lbproxy_requests_total', labels);
  };
  await expect.poll(counted, { timeout: 5000 }).toBe(requests);
  return families;
}

describe('/metrics', () => {
  it('tells what all acceptors have answered, and never less when one is killed or the configuration changes', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(peer.address));
    const n = 30;
    for (let i = 0; i < n; i++) await get(lbproxy.port);
    expect((await get(lbproxy.port, '/dead')).status).toBe(502);
    for (const path of ['/gone', '/gone', '/q"1', '/uncounted', '/sub']) await get(lbproxy.port, path);

    const first = await scrapeOf(lbproxy, n + 5);
    const shop = { server: 'shop.test' };
    expect(value(first, 'lbproxy_requests_total', { ...shop, location: '/', code: '200' })).toBe(n);
    expect(value(first, 'lbproxy_requests_total', { ...shop, location: '= /gone', code: '410' })).toBe(2);
    expect(value(first, 'lbproxy_requests_total', { ...shop, location: '~ ^/q"\\d', code: '204' })).toBe(1);
    expect(value(first, 'lbproxy_requests_total')).toBe(n + 5);
    expect(value(first, 'lbproxy_request_duration_seconds_count')).toBe(n + 5);
    expect(value(first, 'lbproxy_acceptor_requests_total')).toBe(n + 5);
    // The subrequest asked a peer, too.
    const app = { upstream: 'app', peer: peer.address };
    expect(value(first, 'lbproxy_upstream_attempts_total', { ...app, outcome: 'ok' })).toBe(n + 2);
    expect(value(first, 'lbproxy_upstream_responses_total', { ...app, code: '2xx' })).toBe(n + 2);
    const dead = { upstream: 'dead', outcome: 'connect_refused' };
    expect(value(first, 'lbproxy_upstream_attempts_total', dead)).toBe(1);
    expect(value(first, 'lbproxy_upstream_received_bytes_total', app)).toBeGreaterThan(n * 10);
    expect(value(first, 'lbproxy_acceptors')).toBe(2);
    expect(value(first, 'lbproxy_upstream_peer_up', app)).toBe(1);
    expect(value(first, 'lbproxy_upstream_peer_active', app)).toBe(0);
    expect(value(first, 'lbproxy_connections_accepted_total')).toBeGreaterThan(n);
    expect(value(first, 'lbproxy_acceptor_heap_bytes')).toBeGreaterThan(1e6);

    const [victim] = lbproxy.acceptorPids();
    process.kill(victim, 'SIGKILL');
    await lbproxy.acceptors(2, [victim]);
    const second = await scrape(lbproxy);
    expect(fallen(first, second)).toEqual([]);
    expect(value(second, 'lbproxy_acceptor_deaths_total')).toBe(1);
    expect(value(second, 'lbproxy_requests_total')).toBe(n + 5);

    const many = Array.from({ length: MANY }, (_, i) => `location = /many/${i} { return 200 x; }`).join('\n');
    // One acceptor has to go: what it counted in its last moments stays.
    const last = 12;
    for (let i = 0; i < last; i++) await get(lbproxy.port);
    const fewer = config(peer.address, many).replace('worker_processes 2', 'worker_processes 1');
    expect(await lbproxy.reload(fewer)).toBe('reloaded');
    const asked = [0, 1, 2, 500, ...Array.from({ length: 20 }, (_, i) => MANY - 1 - i)];
    for (const i of asked) await get(lbproxy.port, `/many/${i}`);
    const all = n + last + 1 + asked.length;
    const third = await scrapeOf(
      lbproxy,
      all,
      { code: '200' },
      'application/openmetrics-text; version=1.0.0',
    );
    const closed = second.map((family) => ({ ...family, name: family.name.replace(/_total$/, '') }));
    expect(fallen(closed, third)).toEqual([]);
    // The last of the file have no place of their own.
    expect(value(third, 'lbproxy_requests_total', { ...shop, location: '= /many/500', code: '200' })).toBe(1);
    expect(value(third, 'lbproxy_requests_total', { server: 'other', location: 'other', code: '200' })).toBe(
      20,
    );
    expect(value(third, 'lbproxy_config_reloads_total', { result: 'done' })).toBe(1);

    expect(await lbproxy.reload('http { nonsense; }')).toBe('refused');
    const fourth = await scrape(lbproxy);
    expect(value(fourth, 'lbproxy_config_reloads_total', { result: 'refused' })).toBe(1);
    expect(value(fourth, 'lbproxy_config_last_reload_successful')).toBe(0);

    expect((await get(lbproxy.ports[1], '/metrics', { post: 'x' })).status).toBe(405);
    const head = await fetch(`http://127.0.0.1:${lbproxy.ports[1]}/metrics`, { method: 'HEAD' });
    expect([head.status, (await head.text()).length]).toEqual([200, 0]);
  });
});
