// Twenty clients whose paths make patterns read the same bytes again and again: another client does not notice.
import http from 'node:http';
import { expect, it } from 'vitest';
import { startLbproxy } from '../support/lbproxy-process.ts';

const CONFIG = `worker_processes 2; events { worker_connections 512; }
  http { keepalive_requests 100000; server { listen 127.0.0.1:PORT1;
    location ~ ^/static/.*(css|js|.*\\.png).*\\.(gz|br)$ { return 200 a; }
    location ~* "^/(a+)+$" { return 200 b; }
    location / { if ($args ~ "(x+x+)+y") { return 403; } return 200 ok; } } }`;

const LONG = 7600;
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

/** 99 of 100 innocent requests wait less, while twenty others at once ask for these paths for a while, again and again. */
async function waitBeside(port: number, paths: readonly string[], ms: number): Promise<number> {
  const others = new http.Agent({ keepAlive: true, maxSockets: 20 });
  const end = Date.now() + ms;
  const attack = (async () => {
    for (let turn = 0; Date.now() < end; turn++) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => get(port, paths[(turn + i) % paths.length], others)),
      );
      expect(new Set(answers)).toEqual(new Set([200]));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const innocent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const waits: number[] = [];
  while (Date.now() < end) {
    const begun = performance.now();
    expect(await get(port, '/hello', innocent)).toBe(200);
    waits.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await attack;
  others.destroy();
  innocent.destroy();
  waits.sort((a, b) => a - b);
  return waits[Math.floor(waits.length * 0.99)];
}

it('holds nobody up', async () => {
  const lbproxy = await startLbproxy(CONFIG);
  const [port] = lbproxy.ports;
  const usual = await waitBeside(port, HARMLESS, 2000);
  const attacked = await waitBeside(port, EVIL, 4000);
  // A busy machine lets everybody wait: what counts is what the patterns add to that.
  expect(attacked).toBeLessThan(Math.max(200, 8 * usual));
}, 30_000);
