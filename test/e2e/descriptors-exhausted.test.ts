// No descriptor left: whoever comes is told so, nobody is blamed for it, the log has the cause, and all is well as soon as there is room.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get, until } from '../support/http-client.ts';
import { connectionsOn, type LbproxyProcess, openFiles, startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers } from '../support/peer-process.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { exchangeOnce } from '../support/wire.ts';

const LIMIT = 120;
const close = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;

/** Until the log says it. */
async function logged(lbproxy: LbproxyProcess, text: string): Promise<void> {
  const log = (): string => readFileSync(join(lbproxy.dir, 'error.log'), 'utf8');
  await expect.poll(log, { timeout: 10_000 }).toContain(text);
}

describe('descriptors that are all in use', () => {
  it('cost clients a 503 and peers nothing, and are told of', async () => {
    const peers = await startPeers(2);
    const servers = peers.map(({ address }) => `server ${address} fail_timeout=60s;`).join(' ');
    const lbproxy = await startLbproxy(
      `worker_processes 1; error_log DIR/error.log; pid DIR/pid;
       http { upstream u { ${servers} } keepalive_timeout 60s; proxy_read_timeout 20s;
         server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } location /files/ { root DIR; }
           location /text { return 200 "text"; } } }`,
      { descriptors: LIMIT },
    );
    mkdirSync(join(lbproxy.dir, 'files'));
    writeFileSync(join(lbproxy.dir, 'files/a'), 'a file');
    const [acceptor] = lbproxy.acceptorPids();
    const before = openFiles(acceptor);

    // Idle clients, until new ones find no room.
    const idle: RawClient[] = [];
    for (let i = 0; i < LIMIT; i++) idle.push(rawClient(lbproxy.port));
    await logged(lbproxy, `all but the last of ${LIMIT} file descriptors are in use`);
    const refused = await exchangeOnce(lbproxy.port, close('/text'));
    expect([refused.status, refused.body]).toEqual([503, 'no room for clients\n']);

    // Those who are in are served, as long as the reserve lasts; what it does not reach for is our own failure.
    const [first, ...others] = idle;
    first.write('GET /text HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await first.until((text) => text.endsWith('text'))).toContain('200 OK');
    for (const client of others.slice(0, 60)) client.write('GET /slow?ms=1500 HTTP/1.1\r\nHost: a\r\n\r\n');
    first.write('GET /files/a HTTP/1.1\r\nHost: a\r\n\r\n');
    await first.until((text) =>
      /HTTP\/1\.1 (200|500)[\s\S]*HTTP\/1\.1|text[\s\S]*HTTP\/1\.1 (200|500)/.test(text),
    );
    const seen = await Promise.all(
      others
        .slice(0, 60)
        .map((client) => client.until((text) => text.includes('\r\n\r\n') || client.socket.destroyed, 8000)),
    );
    const statuses = seen.map((text) => text.slice(9, 12)).filter((status) => status !== '');
    expect(statuses.every((status) => ['200', '500', '503'].includes(status))).toBe(true);
    expect(statuses.filter((status) => status === '500').length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status === '200').length).toBeGreaterThan(0);

    // Room again: everything works at once, on both peers.
    for (const client of idle) client.destroy();
    await until(() => openFiles(acceptor) < LIMIT / 2, 10_000, 'the end of the clients');
    const bodies = new Set<string>();
    for (let i = 0; i < 6; i++) {
      const answer = await get(lbproxy.port, '/');
      expect(answer.status).toBe(200);
      bodies.add(answer.body);
    }
    expect(bodies.size).toBe(2);
    expect((await get(lbproxy.port, '/files/a')).body).toBe('a file');
    await expect.poll(() => openFiles(acceptor), { timeout: 10_000 }).toBeLessThan(before + 12);

    await logged(lbproxy, 'EMFILE');
    const log = await lbproxy.log();
    expect(log).toMatch(/could not be asked: lbproxy itself has not what a connection takes[^\n]*EMFILE/);
    expect(log).not.toMatch(/peer [^ ]+ failed/);
    // Said once a second, not once a client.
    expect(log.split('file descriptors are in use').length).toBeLessThan(12);
    expect(lbproxy.hasExited).toBe(false);
    expect(lbproxy.acceptorPids()).toEqual([acceptor]);
  }, 40_000);

  it('are no failure of the listener either: worker_connections say it likewise', async () => {
    const lbproxy = await startLbproxy(
      `worker_processes 1; error_log DIR/error.log; events { worker_connections 4; }
       http { server { listen 127.0.0.1:PORT1; location / { return 200 "ok"; } } }`,
    );
    const [acceptor] = lbproxy.acceptorPids();
    const before = openFiles(acceptor);
    const idle = [1, 2, 3, 4].map(() => rawClient(lbproxy.port));
    await until(() => connectionsOn(acceptor, lbproxy.port) === 4, 10_000, 'all connections');
    expect((await exchangeOnce(lbproxy.port, close('/'))).status).toBe(503);
    for (const client of idle) client.destroy();
    await until(() => openFiles(acceptor) < before + 4, 10_000, 'a place');
    expect((await exchangeOnce(lbproxy.port, close('/'))).status).toBe(200);
    await logged(lbproxy, 'worker_connections 4 are in use');
  });
});
