// A peer that answers while the request's body is still coming, and closes: what it said reaches the client, and nobody is blamed. Raw
// peers that end in every way, Node, and (where Debian's packages are) gunicorn and Flask, whose workers close as they please.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { freePorts } from '../support/free-ports.ts';
import { startProxy } from '../support/proxy.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

/** Tries of each combination; the target is that 98 of 100 arrive. */
const TRIES = Number(process.env.EARLY_ANSWER_TRIES ?? 10);
const SIZES = [200_000, 1_000_000, 5_000_000];
const FRAMINGS = ['length', 'chunked'] as const;
type BodyFraming = (typeof FRAMINGS)[number];

const BODY = 'too large';
const answer = (length: boolean): string =>
  length
    ? `HTTP/1.1 413 Content Too Large\r\nContent-Length: ${BODY.length}\r\nConnection: close\r\n\r\n${BODY}`
    : `HTTP/1.1 413 Content Too Large\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n9\r\n${BODY}\r\n0\r\n\r\n`;

/** How a raw peer ends after its answer. */
const ENDINGS: Readonly<Record<string, (socket: Socket) => void>> = {
  FIN: (socket) => socket.end(),
  RST: (socket) => socket.resetAndDestroy(),
  'close with unread bytes': (socket) => socket.destroy(),
};

/** Answers as soon as the head and a little of the body are there, and reads no more. */
function rawPeer(end: (socket: Socket) => void, length: boolean): Promise<TestPeer> {
  return startRawUpstream((socket) => {
    let answered = false;
    socket.on('data', () => {
      if (answered) return;
      answered = true;
      socket.pause();
      socket.write(answer(length), () => end(socket));
      setTimeout(() => socket.destroy(), 2000).unref();
    });
  });
}

/** One upload of a client that goes on sending while it reads. The status line and the body that arrived. */
function upload(port: number, bytes: number, framing: BodyFraming, secure: boolean): Promise<string> {
  return new Promise((resolve) => {
    const socket = secure
      ? connectTls({ port, host: '127.0.0.2', rejectUnauthorized: false })
      : connect(port, '127.0.0.1');
    let text = '';
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      const [head, body] = text.split('\r\n\r\n');
      resolve(`${head.split('\r\n')[0].slice(9, 12)} ${body?.includes(BODY) === true ? BODY : (body ?? '')}`);
    };
    const timer = setTimeout(done, 10_000);
    socket.on('data', (data) => {
      text += data.toString('latin1');
      // A connection whose body was small enough to be dropped stays.
      if (text.includes(BODY)) done();
    });
    socket.on('error', () => {});
    socket.on('end', done);
    socket.on('close', done);
    const piece = Buffer.alloc(16_384, 'x');
    socket.write(
      `POST / HTTP/1.1\r\nHost: a\r\n${framing === 'length' ? `Content-Length: ${bytes}` : 'Transfer-Encoding: chunked'}\r\n\r\n`,
    );
    let left = bytes;
    const send = (): void => {
      while (left > 0 && socket.writable) {
        const n = Math.min(left, piece.length);
        left -= n;
        if (framing === 'chunked') socket.write(`${n.toString(16)}\r\n`);
        const flowing = socket.write(piece.subarray(0, n));
        if (framing === 'chunked') socket.write('\r\n');
        if (!flowing) return void socket.once('drain', send);
      }
      if (left === 0 && framing === 'chunked') socket.write('0\r\n\r\n');
    };
    send();
  });
}

async function outcomes(
  port: number,
  bytes: number,
  framing: BodyFraming,
  secure = false,
): Promise<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < TRIES; i++) seen.push(await upload(port, bytes, framing, secure));
  return seen;
}

/** 98 of 100 where the kernel may have dropped what it held; every one of a few. */
function expectDelivered(seen: readonly string[], wanted: string): void {
  const others = seen.filter((text) => text !== wanted);
  expect([others.length <= seen.length * 0.02, others]).toEqual([
    true,
    others.length <= seen.length * 0.02 ? others : [],
  ]);
}

const conf = (address: string): string => `http {
  upstream u { server ${address} fail_timeout=60s; server ${address} fail_timeout=60s; }
  client_max_body_size 0; client_body_timeout 5s; proxy_request_buffering off;
  server { listen 127.0.0.1:0; listen 127.0.0.2:0 ssl; ssl_certificate self-signed; location / { proxy_pass http://u; } } }`;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-early-'));
const certificate = makeCertificate(dir, 'a', 'localhost');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function proxyFor(address: string) {
  const proxy = await startProxy(conf(address), { certificate });
  closing.push(() => proxy.close());
  return proxy;
}

describe('an answer that comes before the body is there', () => {
  for (const [ending, end] of Object.entries(ENDINGS)) {
    for (const length of [true, false]) {
      it(`reaches the client, ending: ${ending}, ${length ? 'with a length' : 'in chunks'}`, async () => {
        const peer = await rawPeer(end, length);
        closing.push(() => peer.close());
        const proxy = await proxyFor(peer.address);
        for (const bytes of SIZES)
          for (const framing of FRAMINGS)
            expectDelivered(await outcomes(proxy.port, bytes, framing), `413 ${BODY}`);
        expect(proxy.log).toEqual([]);
      }, 120_000);
    }
  }

  it('reaches a client over TLS', async () => {
    const peer = await rawPeer(ENDINGS.RST, true);
    closing.push(() => peer.close());
    const proxy = await proxyFor(peer.address);
    for (const framing of FRAMINGS)
      expectDelivered(await outcomes(proxy.ports[1], 1_000_000, framing, true), `413 ${BODY}`);
    expect(proxy.log).toEqual([]);
  }, 60_000);

  it('reaches the client from Node, that destroys the request', async () => {
    const server = createServer((req, res) => {
      res.writeHead(401, { 'Content-Length': BODY.length });
      res.end(BODY, () => req.destroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(async () => server.close());
    const proxy = await proxyFor(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (const bytes of SIZES)
      for (const framing of FRAMINGS)
        expectDelivered(await outcomes(proxy.port, bytes, framing), `401 ${BODY}`);
    expect(proxy.log).toEqual([]);
  }, 120_000);
});

const APP = `
BODY = b"too large"
def app(environ, start_response):
    start_response("403 Forbidden", [("Content-Length", str(len(BODY)))])
    return [BODY]
try:
    from flask import Flask
    flask_app = Flask(__name__)
    @flask_app.route("/", methods=["POST"])
    def index():
        return BODY, 403
    if __name__ == "__main__":
        import sys
        flask_app.run(port=int(sys.argv[1]))
except ImportError:
    pass
`;

const PYTHON = '/usr/bin/python3';
const has = (module: string): boolean => spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;

describe.each([
  {
    name: 'gunicorn',
    there: has('gunicorn'),
    args: (port: number) => ['-m', 'gunicorn', '-b', `127.0.0.1:${port}`, 'app:app'],
  },
  { name: 'flask', there: has('flask'), args: (port: number) => ['app.py', String(port)] },
])('an early answer of $name', ({ there, args }) => {
  let child: ChildProcess | undefined;
  let address = '';
  beforeAll(async () => {
    if (!there) return;
    writeFileSync(join(dir, 'app.py'), APP);
    const [port] = await freePorts(1);
    address = `127.0.0.1:${port}`;
    child = spawn(PYTHON, args(port), { cwd: dir, stdio: 'ignore' });
    for (let i = 0; i < 200; i++) {
      const socket = connect(port, '127.0.0.1');
      const up = await Promise.race([
        once(socket, 'connect').then(() => true),
        once(socket, 'close').then(() => false),
      ]).catch(() => false);
      socket.destroy();
      if (up) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('the app did not start');
  }, 20_000);
  afterAll(() => {
    child?.kill('SIGTERM');
  });

  it.skipIf(!there)(
    'reaches the client',
    async () => {
      const proxy = await proxyFor(address);
      for (const bytes of SIZES)
        for (const framing of FRAMINGS)
          expectDelivered(await outcomes(proxy.port, bytes, framing), `403 ${BODY}`);
      expect(proxy.log).toEqual([]);
    },
    120_000,
  );
});
