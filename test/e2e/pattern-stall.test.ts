// Twenty clients whose paths make patterns read the same bytes again and again: another client does not notice.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { expect, it } from 'vitest';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';

const CONFIG = `worker_processes 2; events { worker_connections 512; }
  http { keepalive_requests 100000; server { listen 127.0.0.1:PORT1;
    location ~ ^/static/.*(css|js|.*\\.png).*\\.(gz|br)$ { return 200 a; }
    location ~* "^/(a+)+$" { return 200 b; }
    location / { if ($args ~ "(x+x+)+y") { return 403; } return 200 ok; } } }`;

const LONG = 7600;
const CLIENTS = 20;
const TURNS = 3;
const EVIL = [
  `/static/${'css'.repeat(LONG / 3)}`,
  `/static/${'.png.gz'.repeat(LONG / 7)}/`,
  `/${'a'.repeat(LONG)}!`,
  `/?${'x'.repeat(LONG)}`,
  `/static/${'css'.repeat(LONG / 3)}%0a`,
];

const get = (port: number, path: string, agent: http.Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path, agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', reject);
  });

/** As long, and cheap to match. */
const HARMLESS = EVIL.map((path) => `/harmless/${path.slice(10).replace(/[^/]/g, '-')}`);

/** Twenty clients ask for a path at once, some times: for how many milliseconds a request keeps the processor of an acceptor, at most. */
async function costMs(lbproxy: LbproxyProcess, path: string): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  const before = lbproxy.acceptorPids().map(processorMs);
  for (let turn = 0; turn < TURNS; turn++) {
    const asked = Array.from({ length: CLIENTS }, () => get(lbproxy.port, path, agent));
    // An innocent one among them.
    expect(new Set(await Promise.all([...asked, get(lbproxy.port, '/hello', agent)]))).toEqual(
      new Set([200]),
    );
  }
  const spentMs = lbproxy.acceptorPids().map((pid, i) => processorMs(pid) - before[i]);
  agent.destroy();
  return spentMs.reduce((sum, ms) => sum + ms) / (TURNS * CLIENTS);
}

/** proc(5): the nanoseconds that the thread of the event loop has run. */
const processorMs = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;

it('holds nobody up', async () => {
  const lbproxy = await startLbproxy(CONFIG);
  await lbproxy.acceptors(2);
  // What the engine has compiled by then counts for neither.
  for (const path of HARMLESS) await costMs(lbproxy, path);
  const usual: number[] = [];
  for (const path of HARMLESS) usual.push(await costMs(lbproxy, path));
  for (const path of EVIL) {
    const cost = await costMs(lbproxy, path);
    // With ten of them before it in its acceptor an innocent request waits for 100 ms.
    expect(cost, path.slice(0, 20)).toBeLessThan(Math.max(10, 8 * Math.max(...usual)));
  }
});
