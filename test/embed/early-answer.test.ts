// A peer that answers while the request's body is still coming, and closes: its answer reaches the client, and nobody is blamed.
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startRawUpstream, startUpstream, type TestPeer } from '../support/upstream.ts';
import { type App, settled, startApp, until } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const TEXT = 'HTTP/1.1 413 Payload Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large';
type End = 'FIN' | 'RST';

/** Answers as soon as the head is there, reads no more of the body, and closes. */
const hasty = async (end: End): Promise<TestPeer & { open: Set<Socket> }> => {
  const sockets = new Set<Socket>();
  const peer = await startRawUpstream((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', () => {
      socket.pause();
      if (end === 'RST') return void socket.write(TEXT, () => socket.resetAndDestroy());
      socket.end(TEXT);
      // What a process does that closes and exits: the unread body makes the system reset the connection.
      socket.once('finish', () => setTimeout(() => socket.destroy(), 5));
    });
  });
  return own({ ...peer, open: sockets });
};

interface Upload {
  readonly bytes: number;
  readonly framing: 'length' | 'chunked';
  readonly connection: 'keep-alive' | 'close';
}

const PART = Buffer.alloc(50_000, 'x');
const CHUNK = Buffer.concat([Buffer.from('c350\r\n'), PART, Buffer.from('\r\n')]);

/** Sends a body as fast as it is taken, and all of it, before it looks at the answer; what came back within ten seconds. */
function upload(port: number, { bytes, framing, connection }: Upload): Promise<string> {
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const lines = framing === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`;
  client.write(`POST /up HTTP/1.1\r\nHost: a\r\n${lines}\r\nConnection: ${connection}\r\n\r\n`);
  let left = bytes;
  const pump = (): void => {
    while (left > 0) {
      left -= PART.length;
      if (!client.write(framing === 'chunked' ? CHUNK : PART)) return;
    }
    client.off('drain', pump);
    if (framing === 'chunked') client.write('0\r\n\r\n');
  };
  client.on('drain', pump);
  pump();
  return new Promise((resolve) => {
    let text = '';
    const done = (): void => {
      clearTimeout(limit);
      client.destroy();
      resolve(`${left > 0 ? 'unsent ' : ''}${text}`);
    };
    const limit = setTimeout(done, 10_000);
    client.on('data', (data) => {
      text += data;
      if (left <= 0 && text.endsWith('too large')) done();
    });
    client.on('drain', () => {
      if (left <= 0 && text.endsWith('too large')) done();
    });
    client.on('error', () => {});
    client.on('close', done);
  });
}

const appFor = async (kind: string, peers: readonly TestPeer[], agent?: Agent): Promise<App> => {
  const servers = peers.map((peer) => peer.address);
  const where = kind === 'group' ? { upstream: { servers } } : { target: `http://${servers[0]}` };
  return own(await startApp({ ...where, agent }));
};

const WAYS = (['FIN', 'RST'] as const).flatMap((end) =>
  (['length', 'chunked'] as const).flatMap((framing) =>
    (['keep-alive', 'close'] as const).map((connection) => ({ end, framing, connection })),
  ),
);

describe.each(['group', 'target'])('an early answer through a %s', (kind) => {
  it.each(WAYS)('reaches the client: $end, $framing, $connection', async ({ end, framing, connection }) => {
    const peer = await hasty(end);
    const app = await appFor(kind, [peer, await hasty(end)]);
    const errors: Error[] = [];
    app.balancer.on('error', (error) => errors.push(error));
    const lost: string[] = [];
    for (const bytes of [200_000, 1_000_000, 5_000_000]) {
      for (let i = 0; i < 8 && lost.length < 3; i++) {
        const text = await upload(app.port, { bytes, framing, connection });
        if (!/^HTTP\/1\.1 413 [\s\S]*\r\n\r\ntoo large$/.test(text))
          lost.push(`${bytes}: ${text.slice(0, 60)}`);
      }
    }
    expect(lost).toEqual([]);
    expect(errors).toEqual([]);
    expect(app.balancer.upstream.peers.map((p) => p.fails + p.active)).toEqual(
      kind === 'group' ? [0, 0] : [],
    );
    await until(() => peer.open.size === 0, 'the end of all connections to the peer');
  });

  it('of a peer that reads on ends the upload to it, and the client’s connection serves its next request', async () => {
    let received = 0;
    let connections = 0;
    const peer = own(
      await startUpstream((req, res) => {
        if (req.method === 'GET') return void res.end('next');
        res.writeHead(413, { 'content-length': 9 }).end('too large');
        req.on('data', (chunk) => {
          received += chunk.length;
        });
      }),
    );
    peer.server.on('connection', (socket) => {
      connections++;
      socket.on('close', () => connections--);
    });
    // http-proxy-3 without an agent asks its target to close, and passes that on to the client.
    const agent = new Agent({ keepAlive: true });
    own({ close: async () => agent.destroy() });
    const app = await appFor(kind, [peer], agent);
    const client = connect({ port: app.port, host: '127.0.0.1' });
    let text = '';
    client.on('data', (data) => {
      text += data;
    });
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n');
    client.write(Buffer.alloc(100_000));
    await until(() => text.endsWith('too large'), 'the answer');
    client.write(Buffer.alloc(2_900_000));
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await until(() => text.endsWith('next'), 'the next answer');
    expect(await settled(() => received)).toBeLessThan(3_000_000);
    client.destroy();
    await until(() => connections <= 1, 'the end of the first connection to the peer', 4000);
  });
});
