// A world for tests of leaving and stalling clients: a peer whose connections are watched, proxies in front of it, and the
// question whether anything is left open.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { openPeerConnections } from '../../src/upstream/connection.ts';
import { makeCertificate } from './certificates.ts';
import { type Proxy, startProxy } from './proxy.ts';
import { type RawClient, rawClient } from './raw-client.ts';
import { startRawUpstream, type TestPeer } from './upstream.ts';

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

export const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
export const post = (path: string, more: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How clients come to the proxy, and it to the peer: what holds for one holds for the others. */
export const WAYS = ['TCP', 'TLS', 'TCP and TLS to the peer'] as const;
export type Way = (typeof WAYS)[number];

/** One connection as the peer sees it. */
export interface PeerSide {
  readonly socket: Socket;
  received: string;
  closed: boolean;
}

export type Serve = (side: PeerSide, text: string) => void;

export interface ObservedPeer {
  /** The peer's connections, oldest first. */
  sides: PeerSide[];
  /** What the peer does with each piece of text; by default it answers GETs of /ok. */
  serve: Serve;
  /** A proxy in front of the peer, with directives for its http level and its location; closed with the test. */
  proxyWith(settings?: string, location?: string): Promise<Proxy>;
  /** What such a proxy listens on, as text. */
  listen(): string;
  /** A client of such a proxy. */
  client(proxy: Proxy): RawClient;
  /** Resolves once the peer got this text. */
  got(text: string): Promise<void>;
  /** Both sides of the proxy hold nothing any more, but for `idle` kept peer connections. */
  expectNothingLeft(proxy: Proxy, idle?: number): Promise<void>;
}

const serveOk: Serve = (side, text) => {
  if (/^GET \/ok /.test(text)) side.socket.write(OK);
};

/** To be called at the top of a test file or of a `describe`: the peer is new for each test, and after each test no peer connection may be open. */
export function observedPeer(way: Way = 'TCP'): ObservedPeer {
  const listen = way === 'TLS' ? tlsListen() : () => 'listen 127.0.0.1:0;';
  const secured = way === 'TCP and TLS to the peer' ? tlsOfPeer() : null;
  const scheme = secured === null ? 'http' : 'https';
  let peer: TestPeer;
  let proxies: Proxy[] = [];
  let base = 0;
  const world: ObservedPeer = {
    sides: [],
    serve: serveOk,
    async proxyWith(settings = '', location = '') {
      const proxy = await startProxy(`http { ${settings} upstream u { server ${peer.address}; }
        server { ${listen()} location / { proxy_pass ${scheme}://u; ${location} } } }`);
      proxies.push(proxy);
      return proxy;
    },
    listen,
    client: (proxy) => rawClient(proxy.port, '127.0.0.1', way === 'TLS'),
    async got(text) {
      await expect.poll(() => world.sides.map((side) => side.received).join('')).toContain(text);
    },
    async expectNothingLeft(proxy, idle = 0) {
      await expect.poll(() => proxy.listeners[0].connections).toBe(0);
      await expect.poll(() => openPeerConnections - base).toBe(idle);
    },
  };
  beforeEach(async () => {
    base = openPeerConnections;
    proxies = [];
    world.sides = [];
    world.serve = serveOk;
    peer = await startRawUpstream((raw) => {
      const socket = secured === null ? raw : secured(raw);
      const side: PeerSide = { socket, received: '', closed: false };
      world.sides.push(side);
      socket.on('close', () => {
        side.closed = true;
      });
      socket.on('end', () => socket.end());
      socket.on('data', (chunk) => {
        const text = chunk.toString('latin1');
        side.received += text;
        world.serve(side, text);
      });
    });
  });
  afterEach(async () => {
    for (const proxy of proxies) await proxy.close();
    await peer.close();
    await expect.poll(() => openPeerConnections - base).toBe(0);
  });
  return world;
}

/** A listening address of TLS, with a certificate that is there while the tests run. */
function tlsListen(): () => string {
  let text = '';
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'lbproxy-peer-'));
    const { certificate, key } = makeCertificate(dir, 'peer', 'a');
    text = `listen 127.0.0.1:0 ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return () => text;
}

/** TLS on a connection of the peer's; a reset is one of TCP below. */
function tlsOfPeer(): (raw: Socket) => Socket {
  let secureContext: SecureContext;
  beforeAll(() => {
    const dir = mkdtempSync(join(tmpdir(), 'lbproxy-peer-'));
    const { certificate, key } = makeCertificate(dir, 'peer', 'a');
    secureContext = createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key) });
    rmSync(dir, { recursive: true, force: true });
  });
  return (raw) => {
    const socket = new TLSSocket(raw, { isServer: true, secureContext });
    socket.on('error', () => {});
    socket.resetAndDestroy = () => {
      raw.resetAndDestroy();
      return socket;
    };
    return socket;
  };
}
