// Ports for processes that cannot be asked to take port 0. Below the range that the kernel gives to outgoing connections, so that no
// client of a test can sit on one between the question and the use.
import { createServer } from 'node:net';

const FIRST = 12_000;
const LAST = 31_900;

/** `n` consecutive ports of 127.0.0.1 that nobody listens on. */
export async function freePorts(n: number): Promise<number[]> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST - n));
    const ports = Array.from({ length: n }, (_, i) => first + i);
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
