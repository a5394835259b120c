// TLS towards peers: what is used again and what is kept apart, what becomes of a request when a handshake fails in any way.
import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPeerConnections } from '../../src/upstream/connection.ts';
import { Authority, type Leaf } from '../support/authority.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { rawClient } from '../support/raw-client.ts';
import { startTlsPeer, type TlsPeer, type TlsPeerOptions } from '../support/tls-peer.ts';
import { startRawUpstream } from '../support/upstream.ts';
import { type Answer, exchangeOnce, readAnswer } from '../support/wire.ts';

let ca: Authority;
let good: Leaf;
const closing: (() => Promise<void>)[] = [];
beforeAll(() => {
  ca = new Authority();
  good = ca.leaf('good', 'peer.example', { names: 'DNS:peer.example,DNS:other.example' });
  ca.leaf('client', 'a client');
  ca.leaf('another', 'another client');
});
afterAll(() => ca?.remove());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await expect.poll(() => openPeerConnections, { timeout: 3000 }).toBe(0);
});

async function peerWith(options: TlsPeerOptions = {}, leaf = good): Promise<TlsPeer> {
  const peer = await startTlsPeer(leaf, options);
  closing.push(() => peer.close());
  return peer;
}

async function rawPeer(serve: (socket: Socket) => void): Promise<{ address: string; connections: number }> {
  const peer = await startRawUpstream(serve);
  closing.push(() => peer.close());
  return peer;
}

async function proxyWith(locations: string, servers: string, group = ''): Promise<Proxy> {
  const proxy = await startProxy(`http { upstream u { ${servers} ${group} }
    proxy_ssl_trusted_certificate ${ca.root}; proxy_ssl_protocols TLSv1.2 TLSv1.3;
    server { listen 127.0.0.1:0; client_max_body_size 0; ${locations} } }`);
  closing.push(() => proxy.close());
  return proxy;
}

const ask = (port: number, path: string, lines = '', method = 'GET'): Promise<Answer> =>
  exchangeOnce(port, `${method} ${path} HTTP/1.1\r\nHost: x.example\r\n${lines}Connection: close\r\n\r\n`);

const pass = (path: string, more = ''): string => `location ${path} { ${more} proxy_pass https://u; }`;
const VERIFY = 'proxy_ssl_verify on; proxy_ssl_name peer.example;';

describe('connections that are kept', () => {
  it('are used again, one for all that mean the same', async () => {
    const peer = await peerWith();
    const proxy = await proxyWith(
      pass('/a') + pass('/b', 'proxy_read_timeout 9s;'),
      `server ${peer.address};`,
      'keepalive 8;',
    );
    for (const path of ['/a', '/b', '/a']) expect((await ask(proxy.port, path)).status).toBe(200);
    expect(peer.connections).toBe(1);
  });

  it('are never those of other settings', async () => {
    const peer = await peerWith({ requestCert: true, rejectUnauthorized: false });
    const own = (who: string): string =>
      `proxy_ssl_certificate ${ca.path(who)}.crt; proxy_ssl_certificate_key ${ca.path(who)}.key;`;
    const proxy = await proxyWith(
      [
        pass('/plain'),
        pass('/verify', VERIFY),
        pass('/other', 'proxy_ssl_verify on; proxy_ssl_name other.example;'),
        pass('/sni', 'proxy_ssl_server_name on; proxy_ssl_name $arg_n;'),
        pass('/client', own('client')),
        pass('/another', own('another')),
        pass(
          '/var',
          `proxy_ssl_certificate ${ca.dir}/$arg_who.crt; proxy_ssl_certificate_key ${ca.dir}/$arg_who.key;`,
        ),
        pass('/old', 'proxy_ssl_protocols TLSv1.2;'),
        'location /http { proxy_pass http://u; }',
      ].join('\n'),
      `server ${peer.address};`,
      'keepalive 32;',
    );
    const paths = [
      '/plain',
      '/verify',
      '/other',
      '/sni?n=a.example',
      '/sni?n=b.example',
      '/client',
      '/another',
      '/var?who=client',
      '/var?who=another',
      '/old',
    ];
    const seen = async (path: string): Promise<string> => (await ask(proxy.port, path)).body.split('\n')[1];
    const first = [];
    for (const path of paths) first.push(await seen(path));
    expect(peer.connections).toBe(paths.length);
    const again = [];
    for (const path of paths.toReversed()) again.unshift(await seen(path));
    expect(again).toEqual(first);
    expect(peer.connections).toBe(paths.length);
    expect(first[5]).toContain('client=CN=a client');
    expect(first[6]).toContain('client=CN=another client');
    expect(first[8]).toContain('client=CN=another client');
    // Plain HTTP gets none of them.
    expect((await ask(proxy.port, '/http')).status).toBe(502);
  });

  it('give way, the oldest first, where names are many', async () => {
    const peer = await peerWith();
    const proxy = await proxyWith(
      pass('/', 'proxy_ssl_server_name on; proxy_ssl_name $arg_n;'),
      `server ${peer.address};`,
      'keepalive 3;',
    );
    for (let i = 0; i < 300; i++) expect((await ask(proxy.port, `/?n=n${i}.example`)).status).toBe(200);
    expect(openPeerConnections).toBe(3);
    const before = peer.connections;
    await ask(proxy.port, '/?n=n299.example');
    expect(peer.connections).toBe(before);
  });

  it.each([
    ['keepalive 0;', 'at once'],
    ['keepalive 8; keepalive_timeout 200ms;', 'after their time'],
    ['keepalive 8; keepalive_requests 1;', 'after their requests'],
  ])('end with close_notify: %s', async (group) => {
    // Node tells the end of TLS from that of the connection to nobody, but the alert is a record.
    const alerts: number[] = [];
    const peer = await peerWith({
      serve: (socket) => {
        const seen = (): number => rawHandle(socket).bytesRead;
        let before = 0;
        socket.once('data', () => {
          before = seen();
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        });
        socket.on('end', () => alerts.push(seen() - before));
      },
    });
    const proxy = await proxyWith(pass('/'), `server ${peer.address};`, group);
    expect((await ask(proxy.port, '/')).body).toBe('ok');
    await expect.poll(() => alerts.length, { timeout: 3000 }).toBe(1);
    expect(alerts[0]).toBeGreaterThan(20);
    expect(alerts[0]).toBeLessThan(40);
  });

  it('are given up when the peer ends them', async () => {
    const peer = await peerWith({
      serve: (socket) =>
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          setTimeout(() => socket.end(), 30);
        }),
    });
    const proxy = await proxyWith(pass('/'), `server ${peer.address};`, 'keepalive 3;');
    await ask(proxy.port, '/');
    await expect.poll(() => openPeerConnections).toBe(0);
    expect((await ask(proxy.port, '/')).body).toBe('ok');
  });
});

describe('sessions', () => {
  it.each(['TLSv1.2', 'TLSv1.3'])('of %s are resumed, by those of the same settings', async (version) => {
    const peer = await peerWith();
    const only = `proxy_ssl_protocols ${version};`;
    const proxy = await proxyWith(
      pass('/a', `${only} ${VERIFY}`) +
        pass('/b', only) +
        pass('/off', `${only} proxy_ssl_session_reuse off;`),
      `server ${peer.address};`,
      'keepalive 0;',
    );
    for (const path of ['/a', '/a', '/b', '/a', '/b', '/off', '/off'])
      expect((await ask(proxy.port, path)).status, proxy.log.join()).toBe(200);
    expect(peer.seen.map((line) => line.endsWith('resumed=true'))).toEqual([
      false,
      true,
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  it('that the peer does not know any more are no failure', async () => {
    const peer = await peerWith();
    const proxy = await proxyWith(pass('/', VERIFY), `server ${peer.address};`, 'keepalive 0;');
    await ask(proxy.port, '/');
    peer.server.setTicketKeys(randomBytes(48));
    expect((await ask(proxy.port, '/')).status).toBe(200);
    expect(proxy.log).toEqual([]);
  });
});

/** No version of TLS has this second byte: with any other it may be the head of a record that goes on. */
function garbage(): Buffer {
  const bytes = randomBytes(4000);
  bytes[1] = 0xff;
  return bytes;
}

/** What a peer may do instead of a handshake, what is logged of it, and what the client gets. */
const FAILURES: readonly (readonly [
  what: string,
  serve: (socket: Socket) => void,
  log: RegExp,
  status: number,
])[] = [
  ['closes at once', (s) => s.end(), /tls_error.*it closed the connection/, 502],
  [
    'closes behind the first flight',
    (s) => s.once('data', () => s.end()),
    /tls_error.*it closed the connection/,
    502,
  ],
  ['resets', (s) => s.once('data', () => s.resetAndDestroy()), /tls_error.*it closed the connection/, 502],
  [
    'speaks HTTP',
    (s) => s.once('data', () => s.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')),
    /tls_error.*plain HTTP/,
    502,
  ],
  ['answers garbage', (s) => s.once('data', () => s.write(garbage())), /tls_error/, 502],
  [
    'alerts',
    (s) => s.once('data', () => s.end(Buffer.from('15030300020228', 'hex'))),
    /tls_error.*nothing suits both sides/,
    502,
  ],
  [
    'stops in a record',
    (s) => s.once('data', () => s.write(Buffer.from('160303', 'hex'))),
    /connect_timeout/,
    504,
  ],
  ['hangs', (s) => s.resume(), /connect_timeout/, 504],
  ['does not read', (s) => s.pause(), /connect_timeout/, 504],
];

/** Short only where it is what ends the handshake. */
const limitFor = (log: RegExp, short: string): string =>
  `proxy_connect_timeout ${log.source.includes('connect_timeout') ? short : '10s'};`;

describe('a handshake that fails', () => {
  it.each(FAILURES)('because the peer %s', async (_what, serve, log, status) => {
    const bad = await rawPeer(serve);
    const proxy = await proxyWith(pass('/', limitFor(log, '300ms')), `server ${bad.address};`);
    const answer = await ask(proxy.port, '/');
    expect(answer.status).toBe(status);
    expect(proxy.log).toHaveLength(1);
    expect(proxy.log[0]).toMatch(log);
  });

  it.each(FAILURES)('goes to the next peer because the first %s', async (_what, serve, log) => {
    const bad = await rawPeer(serve);
    const peer = await peerWith();
    const proxy = await proxyWith(
      // The handshake with the other peer has to be done within it.
      pass('/', limitFor(log, '2s')),
      `server ${bad.address} fail_timeout=60s; server ${peer.address};`,
    );
    // POST too: nothing of it was sent.
    const answer = await ask(proxy.port, '/', 'Content-Length: 0\r\n', 'POST');
    expect(answer.status).toBe(200);
    expect(proxy.log[0]).toMatch(log);
    // The peer is to blame, as for a connection that is refused.
    for (let i = 0; i < 4; i++) expect((await ask(proxy.port, '/')).status).toBe(200);
    expect(proxy.log).toHaveLength(1);
  });

  it('under way, ends with its client', async () => {
    const bad = await rawPeer((socket) => socket.resume());
    const proxy = await proxyWith(pass('/'), `server ${bad.address};`);
    const client = rawClient(proxy.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await expect.poll(() => bad.connections).toBe(1);
    client.destroy();
    await expect.poll(() => openPeerConnections).toBe(0);
    expect(proxy.log).toEqual([]);
  });

  it.each([
    [
      'expired',
      () => ca.leaf('expired', 'peer.example', { from: '20200101000000Z', to: '20210101000000Z' }),
      /it has expired \(CERT_HAS_EXPIRED\)/,
    ],
    ['signed by a stranger', () => ca.selfSigned('stranger', 'peer.example'), /signed by itself/],
    [
      'for another name',
      () => ca.leaf('nobody', 'nobody.example'),
      /not for "peer.example".*CN=nobody.example/,
    ],
  ] as const)('because the certificate is %s', async (_what, leaf, log) => {
    let got = '';
    const serve = (socket: TLSSocket): void => void socket.on('data', (chunk) => (got += chunk));
    const peer = await peerWith({ serve }, leaf());
    const proxy = await proxyWith(pass('/', VERIFY), `server ${peer.address};`);
    expect((await ask(proxy.port, '/')).status).toBe(502);
    expect(proxy.log[0]).toMatch(/tls_error/);
    expect(proxy.log[0]).toMatch(log);
    // Nothing was sent to whoever that was.
    expect(got).toBe('');
  });

  it('because our certificate is refused, which TLS 1.3 says late', async () => {
    const peer = await peerWith({ requestCert: true, rejectUnauthorized: true, ca: ca.read('root.crt') });
    const proxy = await proxyWith(pass('/'), `server ${peer.address};`);
    expect((await ask(proxy.port, '/')).status).toBe(502);
    expect(proxy.log).toHaveLength(1);
  });

  it('because our own certificate is not there: 500, and nobody is blamed', async () => {
    const peer = await peerWith();
    const where = `${ca.dir}/$arg_who`;
    const proxy = await proxyWith(
      pass('/', `proxy_ssl_certificate ${where}.crt; proxy_ssl_certificate_key ${where}.key;`),
      `server ${peer.address};`,
    );
    expect((await ask(proxy.port, '/?who=absent')).status).toBe(500);
    expect(proxy.log[0]).toMatch(/the certificate towards the peer cannot be used: .*absent\.crt/);
    expect((await ask(proxy.port, '/?who=client')).status).toBe(200);
  });
});

const PART_OF_NINE = (socket: TLSSocket): void =>
  void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall');
const TOO_LARGE = 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno';

describe('bytes', () => {
  const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

  it.each(['TLSv1.2', 'TLSv1.3'])(
    'of 20 MB each way arrive whole over %s',
    async (version) => {
      const body = randomBytes(20_000_000);
      const peer = await peerWith({ serve: (socket) => countAndAnswer(socket, body) });
      const proxy = await proxyWith(pass('/', `proxy_ssl_protocols ${version};`), `server ${peer.address};`);
      const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      const answer = await exchangeOnce(proxy.port, Buffer.concat([Buffer.from(head), body]), {
        timeoutMs: 20_000,
      });
      expect(answer.fields.find(([name]) => name === 'X-Got')?.[1]).toBe(hash(body));
      expect(hash(Buffer.from(answer.body, 'latin1'))).toBe(hash(body));
    },
    30_000,
  );

  function countAndAnswer(socket: TLSSocket, body: Buffer): void {
    const got = createHash('sha256');
    let left = -1;
    socket.on('data', (chunk: Buffer) => {
      const end = left < 0 ? chunk.indexOf('\r\n\r\n') + 4 : 0;
      if (left < 0) left = body.length;
      got.update(chunk.subarray(end));
      left -= chunk.length - end;
      if (left > 0) return;
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nX-Got: ${got.digest('hex')}\r\n\r\n`,
      );
      socket.end(body);
    });
  }

  it.each([
    ['with close_notify', (s: TLSSocket) => s.end('HTTP/1.1 200 OK\r\n\r\nall'), 200],
    [
      'without, as nginx takes it',
      (s: TLSSocket) => s.write('HTTP/1.1 200 OK\r\n\r\nall', () => rawEnd(s)),
      200,
    ],
  ] as const)('end with the connection, %s', async (_what, serve, status) => {
    const peer = await peerWith({ serve: (socket) => socket.once('data', () => serve(socket)) });
    const proxy = await proxyWith(pass('/'), `server ${peer.address};`);
    const answer = await ask(proxy.port, '/');
    expect([answer.status, answer.body, answer.framing]).toEqual([status, 'all', 'chunked']);
  });

  it.each([
    ['close_notify', (s: TLSSocket) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall')],
    ['FIN', (s: TLSSocket) => s.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall', () => rawEnd(s))],
    ['a reset', PART_OF_NINE, (s: TLSSocket) => rawOf(s).resetAndDestroy()],
    ['broken records', PART_OF_NINE, spoil],
  ] as const)('that stop with %s are cut for the client too', async (_what, serve, end = () => {}) => {
    const sockets: TLSSocket[] = [];
    const peer = await peerWith({
      serve: (socket) => {
        sockets.push(socket);
        socket.once('data', () => serve(socket));
      },
    });
    const proxy = await proxyWith(pass('/'), `server ${peer.address};`);
    const client = rawClient(proxy.port);
    client.write('GET / HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n');
    await client.until((text) => text.endsWith('all'));
    end(sockets[0]);
    const answer = readAnswer(await client.closed(), false, true);
    client.destroy();
    expect([answer?.status, answer?.body, answer?.framing]).toEqual([200, 'all', 'cut']);
    expect(proxy.log[0]).toMatch(/body_truncated/);
  });

  it.each([
    ['close', (s: TLSSocket): void => void s.end()],
    ['FIN without close_notify', rawEnd],
    ['a reset a moment later', () => {}, (s: TLSSocket): void => void rawOf(s).resetAndDestroy()],
  ] as const)(
    'that answer before the body is there, then %s, reach the client',
    async (_what, end, later = () => {}) => {
      const sockets: TLSSocket[] = [];
      const peer = await peerWith({
        serve: (socket) => {
          sockets.push(socket);
          socket.once('data', () => {
            socket.pause();
            socket.write(TOO_LARGE, () => end(socket));
          });
        },
      });
      const proxy = await proxyWith(pass('/', 'proxy_request_buffering off;'), `server ${peer.address};`);
      const client = rawClient(proxy.port);
      client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\nConnection: close\r\n\r\n`);
      const piece = Buffer.alloc(500_000, 'x');
      for (let i = 0; i < 10; i++) client.socket.write(piece);
      await client.until((text) => text.endsWith('no'));
      later(sockets[0]);
      await expect.poll(() => openPeerConnections).toBe(0);
      client.destroy();
      expect(proxy.log).toEqual([]);
    },
  );

  it('pass both ways once they are a WebSocket', async () => {
    const peer = await peerWith({
      serve: (socket) =>
        socket.once('data', () => {
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello',
          );
          socket.on('data', (chunk) => socket.write(`echo ${chunk}`));
          socket.on('end', () => socket.end('bye'));
        }),
    });
    const proxy = await proxyWith(pass('/', VERIFY), `server ${peer.address};`);
    const client = rawClient(proxy.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.until((text) => text.endsWith('hello'));
    client.write('one');
    await client.until((text) => text.endsWith('echo one'));
    client.socket.end();
    expect(await client.closed()).toMatch(/echo onebye$/);
  });

  it('of a renegotiation that the peer asks for in TLS 1.2 are no part of the answer', async () => {
    const peer = await peerWith({
      maxVersion: 'TLSv1.2',
      serve: (socket) =>
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
          setTimeout(() => socket.renegotiate({}, () => {}), 50);
          setTimeout(() => socket.write('cd'), 200);
        }),
    });
    const proxy = await proxyWith(pass('/'), `server ${peer.address};`);
    expect((await ask(proxy.port, '/')).body).toBe('abcd');
  });
});

/** The TCP connection below. */
function rawOf(socket: TLSSocket): Socket {
  return (socket as unknown as { _parent: Socket })._parent;
}

interface RawHandle {
  readonly bytesRead: number;
  shutdown(req: object): number;
  writeBuffer(req: object, bytes: Buffer): number;
}

function rawHandle(socket: TLSSocket): RawHandle {
  return (rawOf(socket) as unknown as { _handle: RawHandle })._handle;
}

const streamWrap = (
  process as unknown as { binding(name: string): Record<'ShutdownWrap' | 'WriteWrap', new () => object> }
).binding('stream_wrap');

/** FIN without close_notify. */
function rawEnd(socket: TLSSocket): void {
  rawHandle(socket).shutdown(Object.assign(new streamWrap.ShutdownWrap(), { oncomplete: () => {} }));
}

/** Bytes between the records that are none. */
function spoil(socket: TLSSocket): void {
  const req = Object.assign(new streamWrap.WriteWrap(), { oncomplete: () => {} });
  rawHandle(socket).writeBuffer(req, Buffer.alloc(100, 'x'));
}

describe('a reload', () => {
  const conf = (
    address: string,
    more: string,
  ): string => `worker_processes 1; http { upstream u { server ${address}; keepalive 8; }
    server { listen 127.0.0.1:PORT1; location / { ${more} proxy_pass https://u; } } }`;
  const trust = (): string =>
    `proxy_ssl_verify on; proxy_ssl_name peer.example; proxy_ssl_trusted_certificate ${ca.root};`;

  it('keeps connections of what it leaves as it is, and no others', async () => {
    const peer = await peerWith();
    const lbproxy = await startLbproxy(conf(peer.address, trust()));
    expect((await ask(lbproxy.port, '/')).status).toBe(200);
    expect(await lbproxy.reload(conf(peer.address, `${trust()} proxy_read_timeout 5s;`))).toBe('reloaded');
    expect((await ask(lbproxy.port, '/')).status).toBe(200);
    expect(peer.connections).toBe(1);
    expect(
      await lbproxy.reload(
        conf(
          peer.address,
          `${trust()} proxy_ssl_name other.example;`.replace('proxy_ssl_name peer.example;', ''),
        ),
      ),
    ).toBe('reloaded');
    expect((await ask(lbproxy.port, '/')).status).toBe(200);
    expect(peer.connections).toBe(2);
  });

  it('reads files anew, and is refused with a place where one is bad', async () => {
    const peer = await peerWith();
    const text = conf(peer.address, trust().replace(ca.root, ca.path('trust.crt')));
    ca.write('trust.crt', ca.read('root.crt'));
    const lbproxy = await startLbproxy(text);
    expect((await ask(lbproxy.port, '/')).status).toBe(200);
    ca.write('trust.crt', 'nothing');
    expect(await lbproxy.reload(text)).toBe('refused');
    expect(lbproxy.stderr()).toMatch(
      /nginx\.conf:\d+:\d+.*proxy_ssl_trusted_certificate .*trust\.crt holds no certificate/,
    );
    expect((await ask(lbproxy.port, '/')).status).toBe(200);
    // Another authority: what the old one let in is not asked any more.
    ca.selfSigned('elsewhere', 'elsewhere');
    ca.write('trust.crt', ca.read('elsewhere.crt'));
    expect(await lbproxy.reload(text)).toBe('reloaded');
    expect((await ask(lbproxy.port, '/')).status).toBe(502);
    await expect.poll(() => lbproxy.stderr()).toMatch(/its certificate cannot be trusted/);
  });
});
