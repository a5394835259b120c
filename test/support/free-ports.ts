// Ports for processes that cannot be asked to take port 0. Below the range that the kernel gives to outgoing connections, so that no
// client of a test can sit on one between the question and the use; and neither can another test: those that run at the same time have
// ports of their own, and within a file each port is given once, whether it is used yet or not.
import { createServer } from 'node:net';

const FIRST = 12_000;
const LAST = 31_900;
/** One for each worker that vitest.config.ts has, and one for whoever is none. */
const LANES = 4;

const lane = Number(process.env.VITEST_POOL_ID ?? 0) % LANES;
const size = Math.floor((LAST - FIRST) / LANES);
const first = FIRST + lane * size;
/** Left out behind those that are given, for tests that count on beyond them. */
const GAP = 4;
/** Where the next ones are looked for; it begins anywhere, because other runs of the tests may be on this machine. */
let next = first + Math.floor(Math.random() * size);

/** `n` consecutive ports of 127.0.0.1 that nobody listens on. */
export async function freePorts(n: number): Promise<number[]> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (next + n > first + size) next = first;
    const ports = Array.from({ length: n }, (_, i) => next + i);
    next += n + GAP;
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
