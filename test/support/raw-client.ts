// The kit's client in bytes: writes what it is told and collects what comes back.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface RawClient {
  readonly socket: Socket;
  /** The connection below TLS; `socket` without. */
  readonly wire: Socket;
  /** Everything received so far, latin1. */
  received(): string;
  write(data: string | Buffer): void;
  /** Resolves when the text so far satisfies the test, or the connection closed; rejects after `ms`. */
  until(test: (text: string) => boolean, ms?: number): Promise<string>;
  /** Resolves with all that came when the other side closed. */
  closed(ms?: number): Promise<string>;
  destroy(): void;
  /** Ends the connection with a reset. */
  reset(): void;
}

export function rawClient(port: number, host = '127.0.0.1', tls = false): RawClient {
  const wire = connect({ port, host, allowHalfOpen: true });
  const socket = tls ? connectTls({ socket: wire, rejectUnauthorized: false }) : wire;
  const chunks: Buffer[] = [];
  let ended = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of [...waiting]) check();
  };
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  for (const event of ['end', 'close', 'error']) {
    socket.on(event, () => {
      ended = true;
      wake();
    });
  }
  const received = (): string => Buffer.concat(chunks).toString('latin1');
  const wait = (test: () => boolean, ms: number, what: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (!test()) return;
        waiting.delete(check);
        clearTimeout(timer);
        resolve(received());
      };
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(
          new Error(
            `${what} did not happen within ${ms} ms; received: ${JSON.stringify(received().slice(0, 500))}`,
          ),
        );
      }, ms);
      waiting.add(check);
      check();
    });
  return {
    socket,
    wire,
    received,
    write: (data) => void socket.write(data, 'latin1' as never),
    until: (test, ms = 5000) => wait(() => ended || test(received()), ms, 'the expected answer'),
    closed: (ms = 5000) => wait(() => ended, ms, 'closing'),
    destroy: () => socket.destroy(),
    reset: () => wire.resetAndDestroy(),
  };
}

/** Sends bytes, half-closes nothing, and gives what came until the proxy closed. */
export async function exchangeRaw(port: number, data: string, ms = 5000): Promise<string> {
  const client = rawClient(port);
  client.write(data);
  try {
    return await client.closed(ms);
  } finally {
    client.destroy();
  }
}

/** All that came until the proxy closed; rejects when the connection was reset before that could be read. */
export async function readToEnd(client: RawClient, ms = 5000): Promise<string> {
  const failure = new Promise<never>((_, reject) => client.socket.on('error', reject));
  try {
    return await Promise.race([client.closed(ms), failure]);
  } finally {
    client.destroy();
  }
}
