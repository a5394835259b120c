// The live view's server in a real lbproxy: what it tells, what it does, and whom it refuses.
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PeerView } from '../../src/cockpit/face.ts';
import type { UpstreamSnapshot } from '../../src/observe/traffic/snapshot.ts';
import { freePorts } from '../support/free-ports.ts';
import { get } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { liveViewFile, liveViewUrl } from '../support/live-view-place.ts';

const CONFIG = `worker_processes 2; state_path DIR/state; live_view 127.0.0.1:PORT2; inspector 8m; inspector_mask X-Api-Key;
program web { command "sleep 1000"; numprocs 2; first_port PORT5; autostart off; }
http { count_traffic on; access_log off;
  upstream web { program web; }
  upstream app { server 127.0.0.1:PORT3; server 127.0.0.1:PORT4; }
  server { listen 127.0.0.1:PORT1; server_name one;
    location / { proxy_pass http://app; } location /text { return 200 hi; } } }`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

function send(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Call = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      answer.on('error', reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

class Site {
  readonly lbproxy: LbproxyProcess;
  readonly token: string;

  constructor(lbproxy: LbproxyProcess) {
    this.lbproxy = lbproxy;
    this.token = readFileSync(join(lbproxy.dir, 'state/live-view.token'), 'utf8').trim();
  }

  get port(): number {
    return this.lbproxy.ports[1];
  }

  get login(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.token}` };
  }

  call(path: string, call: Call = {}): Promise<Answer> {
    return send(this.port, path, { ...call, headers: { ...this.login, ...call.headers } });
  }

  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
  async json(path: string, body?: unknown): Promise<any> {
    const call: Call =
      body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await this.call(path, call);
    return { status: answer.status, ...JSON.parse(answer.text) };
  }
}

async function site(): Promise<Site> {
  return new Site(await startLbproxy(CONFIG, { dirs: ['state'] }));
}

describe('the live view', () => {
  it('tells what passes, and steers it', async () => {
    const here = await site();
    const [port] = here.lbproxy.ports;
    const headers = { 'x-api-key': 'secret1', cookie: 'a=secret2', authorization: 'Basic secret3' };
    for (let i = 0; i < 20; i++) await get(port, `/text?n=${i}`, { headers });
    await get(port, '/lost', { headers });

    // A client has its answer before the acceptor has written down that it gave it.
    const statuses = async (): Promise<unknown> => (await here.json('/api/state')).traffic.total.statuses;
    await expect.poll(statuses).toEqual({ 200: 20, 502: 1 });
    const over = async (filter: string): Promise<number> =>
      (await here.json(`/api/requests?filter=${filter}`)).requests.filter(({ ms }: { ms: number }) => ms >= 0)
        .length;
    await expect.poll(() => over('path~/')).toBe(21);
    const state = await here.json('/api/state');
    const peers = state.peers.slice(2);
    expect(state.peers.map(({ upstream, process }: PeerView) => [upstream, process])).toEqual([
      ['web', 'web:web_00'],
      ['web', 'web:web_01'],
      ['app', ''],
      ['app', ''],
    ]);
    const [{ lastFailure }] = state.traffic.upstreams.find(
      (one: UpstreamSnapshot) => one.upstream === 'app',
    ).peers;
    expect(lastFailure.cause).toBe('connect_refused');
    expect(lastFailure.atMs).toBeGreaterThan(state.traffic.startedAtMs);
    const topology = await here.json('/api/topology');
    expect(topology.servers[0].locations.map(({ to }: { to: string }) => to)).toEqual(['', 'app', '200']);
    const { settings } = await here.json('/api/configuration');
    expect(settings).toContainEqual({
      place: 'http, server, location /',
      name: 'proxy_pass',
      value: 'http://app',
      at: expect.stringMatching(/nginx\.conf:7:\d+$/),
    });

    const listed = await here.json('/api/requests?filter=status%3D200&limit=5');
    expect(listed.requests.map(({ target }: { target: string }) => target)).toEqual(
      [15, 16, 17, 18, 19].map((n) => `/text?n=${n}`),
    );
    const lost = await here.json('/api/requests?filter=path~/lost');
    const [{ id, attempts }] = lost.requests;
    expect(attempts.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      'connect_refused',
      'connect_refused',
    ]);
    // Nothing is new since then.
    const after = Object.entries(lost.versions)
      .map((pair) => pair.join(':'))
      .join(',');
    expect((await here.json(`/api/requests?after=${after}`)).requests).toEqual([]);
    expect(await here.json('/api/requests?filter=what%3D1')).toMatchObject({ status: 400 });

    // Of what is hidden nothing is in anything that it tells.
    const told = await Promise.all(
      ['state', 'configuration', 'events', 'requests', `requests/${id}`, 'har'].map((path) =>
        here.call(`/api/${path}`),
      ),
    );
    for (const { text } of told) expect(text).not.toMatch(/secret\d/);
    expect((await here.call(`/api/requests/${id}?unmasked=1`)).text).toContain('secret3');
    const har = JSON.parse(told[5].text);
    expect(har.log.entries).toHaveLength(21);
    expect(har.log.entries[20].response.status).toBe(502);

    const again = await here.json(`/api/replay/${listed.requests[0].id}`, { times: 2 });
    expect(again.replayed.map(({ status }: { status: number }) => status)).toEqual([200, 200]);
    expect(await here.json('/api/replay/9-9', {})).toMatchObject({ status: 404 });

    const [{ peer }] = peers;
    expect(await here.json('/api/peers', { upstream: 'app', peer, action: 'drain' })).toMatchObject({
      ok: true,
    });
    expect((await here.json('/api/state')).peers[2]).toMatchObject({ peer, state: 'drain' });
    await get(port, '/drained');
    await expect.poll(() => over('path~/drained')).toBe(1);
    const drained = await here.json('/api/requests?filter=path~/drained');
    expect(drained.requests[0].attempts.map((one: { peer: string }) => one.peer)).not.toContain(peer);
    expect(await here.json('/api/reload', {})).toMatchObject({ ok: true });
    expect((await here.json('/api/state')).peers[2].state).not.toBe('drain');
    const { events } = await here.json('/api/events');
    expect(events.at(-1).text).toContain('reloaded');
    expect((await here.call('/metrics')).text).toContain('# TYPE lbproxy_requests_total counter');
  });

  it('refuses who has no token, or comes from elsewhere', async () => {
    const here = await site();
    const { port, login } = here;
    for (const file of [join(here.lbproxy.dir, 'state/live-view.token'), liveViewFile(here.lbproxy, 'url')])
      expect(statSync(file).mode & 0o777).toBe(0o600);

    const page = await send(port, '/');
    expect(page).toMatchObject({
      status: 200,
      headers: { 'x-frame-options': 'DENY', 'cache-control': 'no-store' },
    });
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'sha256-/);
    expect(page.text).not.toMatch(/(?:src|href)="(?!data:)/);

    const refused: readonly (readonly [path: string, call: Call, status: number])[] = [
      ['/api/state', {}, 401],
      ['/metrics', {}, 401],
      ['/api/state', { headers: { authorization: 'Bearer x' } }, 401],
      ['/api/state', { headers: { authorization: `Basic ${here.token}` } }, 401],
      ['/api/state?token=x', { headers: { cookie: `token=${here.token}` } }, 401],
      ['/api/state', { headers: { ...login, host: `evil.example:${port}` } }, 403],
      ['/', { headers: { host: `evil.example:${port}` } }, 403],
      ['/api/state', { headers: { ...login, host: '127.0.0.1:1' } }, 403],
      ['/api/state', { headers: { ...login, origin: 'http://evil.example' } }, 403],
      ['/api/state', { headers: { ...login, origin: 'null' } }, 403],
      ['/api/state', { headers: { ...login, 'sec-fetch-site': 'cross-site' } }, 403],
      [
        '/api/reload',
        { method: 'POST', headers: { ...login, 'content-type': 'text/plain' }, body: '{}' },
        415,
      ],
      ['/api/reload', { headers: login }, 404],
      [
        '/api/state',
        { method: 'POST', headers: { ...login, 'content-type': 'application/json' }, body: '{}' },
        404,
      ],
      [
        '/api/peers',
        { method: 'POST', headers: { ...login, 'content-type': 'application/json' }, body: '[1]' },
        400,
      ],
      [
        '/api/peers',
        { method: 'POST', headers: { ...login, 'content-type': 'application/json' }, body: '{' },
        400,
      ],
      [
        '/api/peers',
        { method: 'POST', headers: { ...login, 'content-type': 'application/json' }, body: '{}' },
        400,
      ],
      ['/api/requests/..%2f..%2fetc%2fpasswd', { headers: login }, 400],
      ['/api/logs/%2e%2e%2fx', { headers: login }, 404],
      ['/api/../../etc/passwd', { headers: login }, 404],
      ['/api/constructor', { headers: login }, 404],
      ['//', { headers: login }, 400],
      ['/api/__proto__/x', { headers: login }, 404],
      ['/api/requests/%ff', { headers: login }, 400],
      ['/', { method: 'POST', body: 'x' }, 405],
    ];
    for (const [path, call, status] of refused)
      expect([path, JSON.stringify(call), (await send(port, path, call)).status]).toEqual([
        path,
        JSON.stringify(call),
        status,
      ]);

    const large = Buffer.alloc(17 * 1024 * 1024, ' ');
    const tooLarge = await here
      .call('/api/peers', { method: 'POST', headers: { 'content-type': 'application/json' }, body: large })
      .then(({ status }) => status)
      .catch(() => 413);
    expect(tooLarge).toBe(413);

    // A crowd that says nothing keeps nobody else out for ever, and a broken head is no crash.
    const crowd = Array.from({ length: 100 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    const broken = connect(port, '127.0.0.1').on('error', () => undefined);
    broken.write('GET / HTTP/9\r\n\0\r\n\r\n');
    await new Promise((resolve) => broken.once('close', resolve));
    for (const socket of crowd) socket.destroy();
    await expect
      .poll(
        () =>
          here.call('/api/state').then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBe(200);
  });

  it('that cannot be there keeps nothing else away, and comes with the next reload', async () => {
    const lbproxy = await startLbproxy(CONFIG.replace('state_path', 'error_log DIR/error.log; state_path'), {
      dirs: ['state', 'state/live-view.token'],
    });
    await expect.poll(() => lbproxy.log()).toMatch(/"level":"warn".*live-view\.token/);
    expect((await get(lbproxy.port, '/text')).status).toBe(200);
    rmSync(join(lbproxy.dir, 'state/live-view.token'), { recursive: true });
    lbproxy.signal('SIGHUP');
    await expect.poll(() => liveViewUrl(lbproxy), { timeout: 10_000 }).toContain('#');
    expect((await new Site(lbproxy).call('/api/state')).status).toBe(200);
  });

  it('comes back to its port; where that is taken it says so, and the next free one is remembered', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lbproxy-live-view-'));
    const place = { dir, configFile: join(dir, 'nginx.conf') };
    const config = CONFIG.replace('127.0.0.1:PORT2', 'on');
    mkdirSync(join(dir, 'state'));
    writeFileSync(place.configFile, '');
    const [kept, ...ports] = await freePorts(6);
    writeFileSync(liveViewFile(place, 'port'), `${kept}\n`, { mode: 0o600 });
    const first = await startLbproxy(config, { dir, ports });
    const url = liveViewUrl(place);
    expect(new URL(url).port).toBe(String(kept));
    await first.printed(`live view: ${url}`);
    // The configuration that it is of stands with it.
    expect(readFileSync(liveViewFile(place, 'url'), 'utf8')).toBe(`${url}\n${place.configFile}\n`);
    first.signal('SIGTERM');
    await first.exited;
    expect(existsSync(liveViewFile(place, 'url'))).toBe(false);

    const holder = createServer().listen(kept, '127.0.0.1');
    await once(holder, 'listening');
    const second = await startLbproxy(config, { dir, ports });
    const moved = Number(new URL(liveViewUrl(place)).port);
    expect(moved).toBeGreaterThanOrEqual(4040);
    await second.printed(`port ${kept} is taken: the live view is at ${moved} now, and pages that were open`);
    expect(readFileSync(liveViewFile(place, 'port'), 'utf8')).toBe(`${moved}\n`);
    // A reload that leaves the live view as it is leaves its port.
    expect(await second.reload()).toBe('reloaded');
    expect(new URL(liveViewUrl(place)).port).toBe(String(moved));
    holder.close();
  });

  it('has the same token after a restart', async () => {
    const first = await site();
    const { dir, ports } = first.lbproxy;
    first.lbproxy.signal('SIGTERM');
    await first.lbproxy.exited;
    const second = new Site(await startLbproxy(CONFIG, { dir, ports }));
    expect(second.token).toBe(first.token);
    expect((await second.call('/api/state')).status).toBe(200);
  });
});
