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

it('holds nobody up', async () => {
  const lbproxy = await startLbproxy(CONFIG);
  const [port] = lbproxy.ports;
  const evil = new http.Agent({ keepAlive: true, maxSockets: 20 });
  const end = Date.now() + 4000;
  let asked = 0;
  // All twenty at once, again and again.
  const attack = (async () => {
    for (let turn = 0; Date.now() < end; turn++) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => get(port, EVIL[(turn + i) % EVIL.length], evil)),
      );
      expect(new Set(answers)).toEqual(new Set([200]));
      asked += answers.length;
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
  evil.destroy();
  innocent.destroy();
  waits.sort((a, b) => a - b);
  console.log(
    `p50 ${waits[waits.length >> 1].toFixed(1)} ms, p99 ${waits[Math.floor(waits.length * 0.99)].toFixed(1)} ms, ${asked} requests of the others`,
  );
  expect(waits[Math.floor(waits.length * 0.99)]).toBeLessThan(200);
}, 30_000);
