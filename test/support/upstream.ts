// The kit's peers: a real HTTP server with a handler, a raw one that answers with given bytes, and a port that refuses.
import { spawn } from 'node:child_process';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createRawServer, type Socket } from 'node:net';
import { freePorts } from './free-ports.ts';

export interface TestPeer {
  readonly port: number;
  readonly address: string;
  close(): Promise<void>;
}

export async function startUpstream(handler: RequestListener): Promise<TestPeer & { server: Server }> {
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 5000 }, handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    address: `127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A peer in bytes: `serve` gets each connection. */
export async function startRawUpstream(
  serve: (socket: Socket) => void,
): Promise<TestPeer & { connections: number }> {
  const sockets = new Set<Socket>();
  const server = createRawServer({ allowHalfOpen: true }, (socket) => {
    peer.connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const peer = {
    port,
    connections: 0,
    address: `127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return peer;
}

/** A port of 127.0.0.1 that refuses connections: none that a server of another test, or a client, may be given meanwhile. */
export async function deadPort(): Promise<number> {
  const [port] = await freePorts(1);
  return port;
}

/** A port that neither accepts nor refuses: its process stands still and its queue of waiting connections is full. */
export async function blackHole(): Promise<TestPeer> {
  const program = `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, server.address().port + '\\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120_000);
  });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (text) => resolve(Number(text))),
  );
  const fillers = Array.from({ length: 4 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => {}));
  await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    port,
    address: `127.0.0.1:${port}`,
    async close() {
      for (const filler of fillers) filler.destroy();
      child.kill('SIGKILL');
    },
  };
}
