// Every time of the configuration at once, from a millisecond to a century: what Node's timers cannot count must not become 1 ms, and
// nothing may be lost, cut or killed by a long patience.
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { get, until } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers, waitingAt } from '../support/peer-process.ts';
import { rawClient } from '../support/raw-client.ts';
import { TIME_ROWS, timesIn } from '../support/time-rows.ts';

/** Says its port, and takes 300 ms to end once it is told to. */
const APP = `const server = require("node:http").createServer((q, r) => r.end("app"));
  server.listen(process.env.PORT, "127.0.0.1");
  process.on("SIGTERM", () => setTimeout(() => { console.log("ended in peace"); process.exit(0); }, 300));`;

/** A configuration in which each time is the same one. */
function config(time: string, address: string): string {
  const inWholeSeconds = /^expires .*$/m;
  const http = timesIn('http', time).replace(inWholeSeconds, (line) =>
    line.includes('ms;') ? 'expires 1s;' : line,
  );
  return `worker_processes 1; pid DIR/lbproxy.pid; ${timesIn('main', time)}
    program app { command node -e '${APP.replaceAll('\n', ' ')}'; first_port PORT2; ${timesIn('program', time)} }
    http { ${http}
      upstream peers { ${timesIn('upstream', time).replace('127.0.0.1:PORT2', address)} }
      server { listen 127.0.0.1:PORT1;
        location / { proxy_pass http://peers; }
        location /app { proxy_pass http://app; }
        location /known/ { proxy_pass http://localhost:${address.split(':')[1]}/; }
        location /named/ { set $to localhost; proxy_pass http://$to:${address.split(':')[1]}/; } } }`;
}

const LONG = ['25d', '100y', '285616y'];

/** The road, all of it: peers new and kept, a program, a name that a request gives, a reload. */
async function expectToServe(lbproxy: LbproxyProcess): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const path of ['/', '/slow?ms=150', '/named/x', '/app', '/']) {
    expect([path, (await get(lbproxy.port, path, { agent })).status]).toEqual([path, 200]);
    await pause(60);
  }
  agent.destroy();
  expect(await lbproxy.reload()).toBe('reloaded');
  expect((await get(lbproxy.port, '/named/x')).status).toBe(200);
  expect((await get(lbproxy.port, '/app')).body).toBe('app');
}

describe.each(LONG)('with all times %s', (time) => {
  it('requests, programs and logs live, and a graceful stop waits', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(time, peer.address));
    await expectToServe(lbproxy);
    // flush= has not come: the lines wait.
    expect(readFileSync(join(lbproxy.dir, 'access.log'), 'utf8')).toBe('');
    const slow = get(lbproxy.port, '/slow?ms=700');
    await pause(200);
    const quit = await lbproxy.command('-s', 'quit');
    expect((await slow).status).toBe(200);
    expect(quit.text).toMatch(/stopped, pid \d+\n$/);
    expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
    expect(lbproxy.stdout()).toContain('ended in peace');
    const lines = readFileSync(join(lbproxy.dir, 'access.log'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(8);
    expect(lbproxy.stderr()).not.toMatch(/Overflow|NaN|Infinity|killed with its whole group|internal/);
  });
});

describe('with all times 1ms', () => {
  it('everything ends soon, and nothing else', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config('1ms', peer.address));
    const acceptors = lbproxy.acceptorPids();
    // Which of the time-outs is the first is luck.
    for (let i = 0; i < 10; i++) await get(lbproxy.port, '/').catch(() => {});
    expect(lbproxy.acceptorPids()).toEqual(acceptors);
    expect(lbproxy.hasExited).toBe(false);
    lbproxy.signal('SIGQUIT');
    expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
    expect(lbproxy.stderr()).not.toMatch(/NaN|Infinity|internal/);
  });
});

describe('with every time-out 0', () => {
  it('nothing is cut: there is no limit', async () => {
    const [peer] = await startPeers(1);
    const timeouts = TIME_ROWS.filter(({ row }) => /^(?:client|proxy|send)_.*timeout$/.test(row.name));
    expect(timeouts.length).toBeGreaterThanOrEqual(7);
    const lbproxy = await startLbproxy(`worker_processes 1; worker_shutdown_timeout 0;
      http { ${timeouts.map((each) => each.write('0')).join(' ')} resolver 127.0.0.1 valid=0;
        upstream peers { server ${peer.address} fail_timeout=0; keepalive_timeout 0; }
        server { listen 127.0.0.1:PORT1; location / { proxy_pass http://peers; } } }`);
    const client = rawClient(lbproxy.port);
    client.write('POST /slow?ms=300 HTTP/1.1\r\nHost: a\r\nContent-Le');
    await pause(300);
    client.write('ngth: 2\r\nConnection: close\r\n\r\na');
    await pause(300);
    client.write('b');
    expect(await client.closed(5000)).toMatch(/^HTTP\/1\.1 200 /);
    const slow = get(lbproxy.port, '/slow?ms=600');
    await until(async () => (await waitingAt(peer.port)) === 1, 4000, 'the request at the peer');
    lbproxy.signal('SIGQUIT');
    expect((await slow).status).toBe(200);
    expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
  });
});
