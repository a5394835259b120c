// Every make of the socket, each connected to a real peer: what the contract suite runs on.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ConnectionOptions,
  connect as connectTlsClient,
  createSecureContext,
  createServer as createTlsServer,
  TLSSocket,
} from 'node:tls';
import { type Accepted, acceptBare, type OwnedSocket, socketOf } from '../../src/socket/accepted.ts';
import type { ByteSocket } from '../../src/socket/byte-socket.ts';
import { type ConnectTarget, connectSocket } from '../../src/socket/connect-socket.ts';
import { type ClientTls, connectTls } from '../../src/socket/connect-tls.ts';
import type { ServerHandshake } from '../../src/socket/server-handshake.ts';
import { startServerTls } from '../../src/socket/server-tls.ts';
import { StreamSocket } from '../../src/socket/stream-socket.ts';
import { makeCertificate } from '../support/certificates.ts';
import { Recorder } from './recorder.ts';

/** The socket under test, who owns it, and the other side of the connection. */
export interface Pair {
  readonly socket: ByteSocket;
  readonly owner: Recorder;
  readonly peer: Socket;
  /** The other side's TCP connection where `peer` is TLS on top of it; otherwise `peer`. */
  readonly wire: Socket;
}

export interface Make {
  readonly name: string;
  readonly tls: boolean;
  readonly unix: boolean;
  /** Reads that the kernel gave already may still be handed over after `pause` (TLS records of one segment). */
  readonly lateBytes: number;
  open(): Promise<Pair>;
}

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-socket-'));
const { certificate, key } = makeCertificate(dir, 'socket', 'socket.example');
export const secure = { cert: readFileSync(certificate), key: readFileSync(key) };
let paths = 0;

const servers = new Set<Server>();
const sockets = new Set<Socket>();

/** Ends what a test left open. */
export function closeAll(): void {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  sockets.clear();
  servers.clear();
}

export function removeFiles(): void {
  rmSync(dir, { recursive: true, force: true });
}

export function watched<T extends Socket>(socket: T): T {
  sockets.add(socket);
  socket.on('error', () => {});
  return socket;
}

/** A free path for a Unix socket. */
export const newPath = (): string => join(dir, `s${++paths}.sock`);

async function listening(server: Server, unix: boolean, host = '127.0.0.1'): Promise<ConnectTarget> {
  servers.add(server);
  const path = unix ? newPath() : '';
  await new Promise<void>((resolve) => {
    if (unix) server.listen(path, resolve);
    else server.listen(0, host, resolve);
  });
  return unix ? { path } : { host, port: (server.address() as AddressInfo).port };
}

const peerTo = (target: ConnectTarget): Socket => watched(connect({ ...target, allowHalfOpen: true }));

/** The socket under test is one that was accepted as a bare handle. */
async function acceptedPair(unix: boolean): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true });
  const target = await listening(server, unix);
  const owner = new Recorder();
  const accepted = new Promise<ByteSocket>((resolve, reject) => {
    const bare = acceptBare(server, (handle) => resolve(owner.of(socketOf(handle, owner))));
    if (!bare) reject(new Error('no bare handles here'));
  });
  const peer = peerTo(target);
  return { socket: await accepted, owner, peer, wire: peer };
}

/** The socket under test is one that was opened by `connectSocket`. */
async function openedPair(unix: boolean, host?: string): Promise<Pair> {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.resolve(watched(socket)));
  const target = await listening(server, unix, host);
  const owner = new Recorder();
  const socket = await new Promise<ByteSocket>((resolve, reject) => {
    owner.onConnected = resolve;
    owner.onNotConnected = reject;
    connectSocket(target, owner);
  });
  const peer = await accepted.promise;
  return { socket: owner.of(socket), owner, peer, wire: peer };
}

async function streamPair(unix: boolean): Promise<Pair> {
  const owner = new Recorder();
  const accepted = Promise.withResolvers<ByteSocket>();
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    accepted.resolve(owner.of(new StreamSocket(socket, owner))),
  );
  const peer = peerTo(await listening(server, unix));
  return { socket: await accepted.promise, owner, peer, wire: peer };
}

async function tlsStreamPair(unix: boolean): Promise<Pair> {
  const owner = new Recorder();
  const accepted = Promise.withResolvers<ByteSocket>();
  const server = createTlsServer({ ...secure, allowHalfOpen: true }, (socket) =>
    accepted.resolve(owner.of(new StreamSocket(socket, owner))),
  );
  const wire = peerTo(await listening(server, unix));
  const options: ConnectionOptions & { allowHalfOpen: true } = {
    socket: wire,
    allowHalfOpen: true,
    rejectUnauthorized: false,
  };
  const peer = watched(connectTlsClient(options));
  const socket = await accepted.promise;
  return { socket, owner, peer, wire };
}

/** The socket under test is one whose handshake ran on the connection's own handle. */
async function acceptedTlsPair(unix: boolean): Promise<Pair> {
  const owner = new Recorder();
  const accepted = Promise.withResolvers<ByteSocket>();
  const server = createServer({ allowHalfOpen: true });
  const target = await listening(server, unix);
  if (!acceptBare(server, (handle) => shakeHands(handle, owner, accepted.resolve)))
    throw new Error('no bare handles here');
  const wire = peerTo(target);
  const options: ConnectionOptions & { allowHalfOpen: true } = {
    socket: wire,
    allowHalfOpen: true,
    rejectUnauthorized: false,
  };
  const peer = watched(connectTlsClient(options));
  const [socket] = await Promise.all([accepted.promise, once(peer, 'secureConnect')]);
  return { socket, owner, peer, wire };
}

/** The first bytes are a whole ClientHello here. */
export function shakeHands(handle: Accepted, owner: Recorder, done: (socket: ByteSocket) => void): void {
  const early = {
    onBytes(buf: Buffer, length: number): void {
      startServerTls(plain, Buffer.from(buf.subarray(0, length)), HANDSHAKE, early);
    },
    onSecure(socket: Accepted | OwnedSocket): void {
      done(owner.of(socketOf(socket, owner)));
    },
    onEnd(): void {},
    onDrained(): void {},
    onClosed(): void {},
  };
  const plain = socketOf(handle, early);
}

const HANDSHAKE: ServerHandshake = {
  context: createSecureContext(secure),
  sessionContext: 'test',
  asks: false,
  onSession: null,
  session: undefined,
  staple: null,
};

/** The socket under test is one that was opened by `connectTls`. */
async function openedTlsPair(unix: boolean): Promise<Pair> {
  const accepted = Promise.withResolvers<readonly [Socket, Socket]>();
  const server = createServer({ allowHalfOpen: true }, (wire) => {
    const options = { isServer: true, secureContext: createSecureContext(secure) };
    const peer = new TLSSocket(watched(wire), options);
    peer.once('secure', () => accepted.resolve([watched(peer), wire]));
  });
  const target = await listening(server, unix);
  const owner = new Recorder();
  const socket = await new Promise<ByteSocket>((resolve, reject) => {
    owner.onConnected = resolve;
    owner.onNotConnected = reject;
    connectTls(target, PEER, owner);
  });
  const [peer, wire] = await accepted.promise;
  return { socket: owner.of(socket), owner, peer, wire };
}

const PEER: ClientTls = {
  context: createSecureContext(),
  serverName: 'socket.example',
  session: undefined,
  judge: () => '',
  onSession: () => {},
  onFailed: () => {},
};

/** What one segment-wise read of 64 KB can hold of TLS. */
const LATE_TLS_BYTES = 65_536;

const plain = (name: string, unix: boolean, open: () => Promise<Pair>): Make => ({
  name,
  tls: false,
  unix,
  lateBytes: 0,
  open,
});

export const MAKES: readonly Make[] = [
  plain('a handle, accepted over TCP', false, () => acceptedPair(false)),
  plain('a handle, accepted over a Unix socket', true, () => acceptedPair(true)),
  plain('a handle, opened over TCP', false, () => openedPair(false)),
  plain('a handle, opened over IPv6', false, () => openedPair(false, '::1')),
  plain('a handle, opened over a Unix socket', true, () => openedPair(true)),
  plain('a stream over TCP', false, () => streamPair(false)),
  plain('a stream over a Unix socket', true, () => streamPair(true)),
  {
    name: 'a TLS handle, accepted over TCP',
    tls: true,
    unix: false,
    lateBytes: LATE_TLS_BYTES,
    open: () => acceptedTlsPair(false),
  },
  {
    name: 'a TLS handle, accepted over a Unix socket',
    tls: true,
    unix: true,
    lateBytes: LATE_TLS_BYTES,
    open: () => acceptedTlsPair(true),
  },
  {
    name: 'a TLS handle, opened over TCP',
    tls: true,
    unix: false,
    lateBytes: LATE_TLS_BYTES,
    open: () => openedTlsPair(false),
  },
  {
    name: 'a TLS handle, opened over a Unix socket',
    tls: true,
    unix: true,
    lateBytes: LATE_TLS_BYTES,
    open: () => openedTlsPair(true),
  },
  { name: 'a TLS stream', tls: true, unix: false, lateBytes: 0, open: () => tlsStreamPair(false) },
];
