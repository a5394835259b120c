// From the first client whom the kernel lets in, nobody is refused or reset: addresses are not opened, closed and opened again.
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { spawnLbproxy } from '../support/lbproxy-process.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** One request: 'refused', 'ok', or what else came of it. */
function once(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(REQUEST));
    let text = '';
    socket.on('data', (data) => (text += data.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : (error.code ?? 'error')),
    );
    socket.on('close', () => resolve(text.endsWith('ok') ? 'ok' : `cut: ${JSON.stringify(text)}`));
  });
}

describe('a start', () => {
  it.each([1, 2])(
    'refuses nobody behind the first who came in, %i acceptor(s)',
    async (acceptors) => {
      const ports = await freePorts(2);
      const listens = ports.map((port) => `listen 127.0.0.1:${port};`).join(' ');
      const lbproxy = await spawnLbproxy(
        `worker_processes ${acceptors}; http { server { ${listens} location / { return 200 "ok"; } } }`,
        { ports },
      );
      const ready = lbproxy.printed('is ready', 20_000);
      let isReady = false;
      void ready.then(() => {
        isReady = true;
      });
      const seen = ports.map(() => [] as string[]);
      while (!isReady) {
        await Promise.all(ports.map(async (port, i) => seen[i].push(await once(port))));
      }
      for (const all of seen) {
        const first = all.findIndex((outcome) => outcome !== 'refused');
        const others = all.slice(first).filter((outcome) => outcome !== 'ok');
        expect(first < 0 ? [] : others).toEqual([]);
      }
      expect(await once(ports[0])).toBe('ok');
    },
    30_000,
  );
});
