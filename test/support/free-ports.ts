// Ports for processes that cannot be asked to take port 0. Below the range that the kernel gives to outgoing connections, so that no
// client of a test can sit on one between the question and the use; and no other test: those that run at the same time have parts of
// the range of their own, and within a part no port is given twice before all of them were.
import { createServer } from 'node:net';

const FIRST = 12_000;
const LAST = 31_900;
/** As many as there may be workers at a time. */
const PARTS = 4;
const SIZE = Math.floor((LAST - FIRST) / PARTS);
/** Of this process: Vitest numbers those that run at a time from 1. */
const START = FIRST + (Number(process.env.VITEST_POOL_ID ?? 0) % PARTS) * SIZE;

let next = Math.floor(Math.random() * SIZE);

/** `n` consecutive ports of 127.0.0.1 that nobody listens on. */
export async function freePorts(n: number): Promise<number[]> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (next + n > SIZE) next = 0;
    const ports = Array.from({ length: n }, (_, i) => START + next + i);
    next += n;
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
