// Reloads while requests are under way: none fails, none is refused, what was open stays open; a broken file changes nothing.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { freePorts } from '../support/free-ports.ts';
import { get, pause, startCrowd, until } from '../support/http-client.ts';
import { isAlive, type LbproxyProcess, residentBytes, startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers } from '../support/peer-process.ts';

const EVERY_MS = 200;
const FOR_MS = 20_000;
const LEAST_RELOADS = 81;

/** Asks over the WebSocket and waits for the answer. */
function ask(socket: WebSocket, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the WebSocket was closed'));
    const timer = setTimeout(() => reject(new Error('no answer over the WebSocket')), 5000);
    socket.once('close', onClose);
    socket.once('message', (data) => {
      clearTimeout(timer);
      socket.off('close', onClose);
      resolve(String(data));
    });
    socket.send(text);
  });
}

async function openWebSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}

describe('reload every 200 ms under load', () => {
  it('fails and refuses nothing, keeps what is open, and does not grow', { timeout: 60_000 }, async () => {
    const peers = await startPeers(4);
    const [a, b, c, d] = peers.map((peer) => peer.address);
    const text = (servers: string, server: string, more = ''): string =>
      `worker_processes 2; http {
         upstream u { ${servers} }
         server { listen 127.0.0.1:PORT1; ${more}
           location / { proxy_pass http://u; proxy_set_header Upgrade $http_upgrade;
             proxy_set_header Connection upgrade; ${server} } } }`;
    const variants = [
      text(`server ${a}; server ${b}; server ${c}; server ${d};`, ''),
      text(`server ${a}; server ${b}; server ${c}; server ${d};`, 'proxy_set_header X-Round 2; expires 1h;'),
      text(`server ${a} weight=3; server ${b}; server ${c};`, 'proxy_read_timeout 30s;'),
      text(`server ${a}; server ${b};`, '', 'listen 127.0.0.1:PORT2;'),
      text(`server ${d}; least_conn;`, 'proxy_connect_timeout 3s; keepalive_requests 50;'),
    ];
    const lbproxy = await startLbproxy(variants[0], { ports: await freePorts(2) });
    const pids = [lbproxy.pid, ...lbproxy.acceptorPids()];
    const socket = await openWebSocket(lbproxy.port);
    const fresh = startCrowd(lbproxy.port, { clients: 8, keepAlive: false });
    const kept = startCrowd(lbproxy.port, { clients: 24, keepAlive: true, pauseMs: 5 });
    // Its connections are idle at nearly every reload.
    const lazy = startCrowd(lbproxy.port, { clients: 16, keepAlive: true, pauseMs: 150 });
    const longPoll = get(lbproxy.port, '/slow?ms=5000');
    await pause(1000);
    const residentBefore = pids.map(residentBytes);
    const startedAt = performance.now();
    let reloads = 0;
    // A machine with much else to do may take longer for as many.
    while (performance.now() - startedAt < FOR_MS || reloads < LEAST_RELOADS) {
      lbproxy.write(variants[++reloads % variants.length]);
      lbproxy.signal('SIGHUP');
      if (reloads % 10 === 0) expect(await ask(socket, `round ${reloads}`)).toContain(`round ${reloads}`);
      await pause(EVERY_MS);
    }
    expect((await longPoll).status).toBe(200);
    expect(await ask(socket, 'still here?')).toMatch(/^\d+ still here\?$/);
    socket.close();
    for (const crowd of [fresh, kept, lazy]) {
      const result = await crowd.stop();
      expect(result.failures).toEqual([]);
      expect(result.requests).toBeGreaterThan(500);
    }
    expect(pids.filter(isAlive)).toEqual(pids);
    expect([lbproxy.pid, ...lbproxy.acceptorPids()].sort()).toEqual([...pids].sort());
    const grownMb = pids.map((pid, i) => Math.round((residentBytes(pid) - residentBefore[i]) / 2 ** 20));
    for (const mb of grownMb) expect(mb).toBeLessThan(80);
  });

  it('opens an address that is added and closes one that is removed', async () => {
    const [peer] = await startPeers(1);
    const text = (more: string): string =>
      `worker_processes 2; http { server { listen 127.0.0.1:PORT1; ${more}
         location / { proxy_pass http://${peer.address}; } } }`;
    const lbproxy = await startLbproxy(text(''), { ports: await freePorts(2) });
    await expect(get(lbproxy.ports[0])).resolves.toMatchObject({ status: 200 });
    for (let i = 0; i < 3; i++) {
      expect(await lbproxy.reload(text('listen 127.0.0.1:PORT2;'))).toBe('reloaded');
      await expect(get(lbproxy.ports[1])).resolves.toMatchObject({ status: 200 });
      expect(await lbproxy.reload(text(''))).toBe('reloaded');
      await expect(get(lbproxy.ports[1])).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await expect(get(lbproxy.ports[0])).resolves.toMatchObject({ status: 200 });
    }
  });
});

describe('a reload with a broken configuration', () => {
  const good = (address: string): string =>
    `worker_processes 2;\nhttp {\n  server {\n    listen 127.0.0.1:PORT1;\n    location / { proxy_pass http://${address}; }\n  }\n}\n`;

  /** The reload is refused, the problem named with its place, and requests are served as before. */
  async function refuses(lbproxy: LbproxyProcess, text: string, problem: RegExp): Promise<void> {
    const before = lbproxy.stderr().length;
    expect(await lbproxy.reload(text)).toBe('refused');
    await until(() => problem.test(lbproxy.stderr().slice(before)), 2000, `"${problem}" printed`);
    for (let i = 0; i < 4; i++) expect((await get(lbproxy.port)).status).toBe(200);
  }

  it('keeps the old one, whatever is wrong, and says where', async () => {
    const [peer] = await startPeers(1);
    const text = good(peer.address);
    const lbproxy = await startLbproxy(text, { ports: await freePorts(2) });
    const crowd = startCrowd(lbproxy.port, { clients: 8, keepAlive: false });
    await refuses(lbproxy, text.replace('location / {', 'location / { proxy_pass'), /nginx\.conf:\d+:\d+/);
    await refuses(lbproxy, text.replace('http {', 'http {{'), /nginx\.conf:2:\d+/);
    await refuses(
      lbproxy,
      text.replace('location / {', 'location / { proxy_pas x;'),
      /nginx\.conf:5:18: .*"proxy_pas".*proxy_pass/s,
    );
    await refuses(
      lbproxy,
      text
        .replace(
          'listen 127.0.0.1:PORT1;',
          'listen 127.0.0.1:PORT1;\n    listen 127.0.0.1:1 ssl;\n    ssl_certificate DIR/none.pem;\n    ssl_certificate_key DIR/none.key;',
        )
        .replace('127.0.0.1:1 ssl', `127.0.0.1:${lbproxy.port + 1} ssl`),
      /nginx\.conf:\d+:\d+.*none\.pem/s,
    );
    expect(await lbproxy.reload(text)).toBe('reloaded');
    const result = await crowd.stop();
    expect(result.failures).toEqual([]);
    expect(lbproxy.acceptorPids()).toHaveLength(2);
  });

  it('leaves nothing behind of an address that came with it', async () => {
    const [peer] = await startPeers(1);
    const text = good(peer.address);
    const added = text.replace('location /', 'listen 127.0.0.1:PORT2;\n    location /');
    const lbproxy = await startLbproxy(text, { ports: await freePorts(3) });
    // Only the acceptors, who come after the addresses, see that this cannot be opened.
    const socket = createServer();
    await new Promise<void>((resolve) => socket.listen(join(lbproxy.dir, 'log.sock'), resolve));
    const broken = added.replace('location /', 'listen 127.0.0.1:PORT3; access_log DIR/log.sock; location /');
    await refuses(lbproxy, broken, /cannot open log file .*log\.sock/).finally(() => socket.close());
    await expect(get(lbproxy.ports[1])).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await lbproxy.reload(added)).toBe('reloaded');
    const before = lbproxy.acceptorPids();
    process.kill(before[0], 'SIGKILL');
    await lbproxy.acceptors(2, [before[0]]);
    process.kill(before[1], 'SIGKILL');
    await lbproxy.acceptors(2, before);
    for (let i = 0; i < 20; i++) expect((await get(lbproxy.ports[1])).status).toBe(200);
    expect(lbproxy.stderr()).not.toContain('cannot listen');
    expect(lbproxy.stderr()).not.toContain('could not open');
    expect(lbproxy.stderr().split('a new one starts').length - 1).toBe(2);
  });

  it('keeps the old one when an added port belongs to another program', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(good(peer.address));
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    try {
      const text = good(peer.address).replace('location /', `listen 127.0.0.1:${port};\n    location /`);
      await refuses(
        lbproxy,
        text,
        new RegExp(
          `nginx\\.conf:5:12: cannot listen on 127\\.0\\.0\\.1:${port}: pid ${process.pid} .* listens there already`,
        ),
      );
    } finally {
      other.close();
    }
    expect(await lbproxy.reload(good(peer.address))).toBe('reloaded');
  });
});
