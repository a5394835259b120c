// Ports for processes that cannot be asked to take port 0. Below the range that the kernel gives to outgoing connections and to who asks
// for port 0, so that nobody else in a test can sit on one between the question and the use, nor while it is to refuse connections. Test
// files that run at the same time have ranges of their own, and within one no port is given twice.
import { createServer } from 'node:net';

/** More than test files run at once (vitest.config.ts); the first is for whoever runs without vitest. */
const RANGES = 4;
const SIZE = 4975;
const FIRST = 12_000 + SIZE * (Number(process.env.VITEST_POOL_ID ?? 0) % RANGES);

const given = new Set<number>();

/** `n` consecutive ports of 127.0.0.1 that nobody listens on. */
export async function freePorts(n: number): Promise<number[]> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = FIRST + Math.floor(Math.random() * (SIZE - n));
    const ports = Array.from({ length: n }, (_, i) => first + i);
    if (ports.some((port) => given.has(port))) continue;
    for (const port of ports) given.add(port);
    if ((await Promise.all(ports.map(isFree))).every((free) => free)) return ports;
  }
  throw new Error(`no ${n} free ports in a row`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
