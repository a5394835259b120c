// TLS handshakes that do not come to their end, and what comes instead of one. Runs on both makes of sockets, each in a file of its own.
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { type Certificate, makeCertificate } from '../support/certificates.ts';
import { clientHello } from '../support/client-hello.ts';
import { get, pause, post } from '../support/observed-peer.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';

/** Much longer than the machine may stand still: ten clients have to be in before it is over. */
const PATIENCE_MS = 1500;

/** Descriptors of this process, which has both ends. */
const descriptors = (): number => readdirSync('/proc/self/fd').length;

export function describeHandshakes(make: string): void {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-handshakes-'));
  let certificate: Certificate;
  let proxy: Proxy;
  let clients: RawClient[] = [];

  const start = (settings: string): Promise<Proxy> =>
    startProxy(`http { ${settings}
      server { listen 127.0.0.1:0 ssl; server_name a.example; access_log ${dir}/a.log shape;
        ssl_certificate ${certificate.certificate}; ssl_certificate_key ${certificate.key}; return 200 first; }
      server { listen 127.0.0.1:0 ssl; server_name b.example; access_log ${dir}/b.log shape; error_detail on;
        ssl_certificate ${certificate.certificate}; ssl_certificate_key ${certificate.key}; return 200 second; } }`);
  const shape = `log_format shape "$scheme $host $request_method $status [$https]";`;
  const client = (): RawClient => {
    const made = rawClient(proxy.port);
    clients.push(made);
    return made;
  };
  const secure = async (options: ConnectionOptions = {}): Promise<TLSSocket> => {
    const wire = connectTcp({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    const socket = connect({ socket: wire, rejectUnauthorized: false, ...options });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    return socket;
  };
  /** A connection under TLS that the test looks into: FIN does not pass, the rest as `write` has it. */
  const below = (write: (wire: Socket, data: Buffer) => void): { duplex: Duplex; wire: Socket } => {
    const wire = connectTcp({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    const duplex = new Duplex({
      read: () => {},
      write: (data: Buffer, _encoding, done) => {
        write(wire, data);
        done();
      },
    });
    wire.on('data', (data) => duplex.push(data)).on('end', () => duplex.push(null));
    return { duplex, wire };
  };
  const nothingLeft = (): Promise<void> =>
    expect.poll(() => proxy.listeners[0].connections, { timeout: 3000 }).toBe(0);
  /** How long ago all of them were closed, seen from `since`. */
  const allClosed = async (since: number): Promise<number> => {
    await Promise.all(clients.map((each) => each.closed(4000)));
    return performance.now() - since;
  };

  beforeAll(async () => {
    certificate = makeCertificate(dir, 'a', 'a.example');
  });
  afterEach(async () => {
    for (const each of clients) each.destroy();
    clients = [];
    await proxy.close();
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  describe(`a handshake (${make})`, () => {
    it.each([
      ['says nothing', (_hello: Buffer, _client: RawClient) => {}],
      ['stops in its hello', (hello: Buffer, each: RawClient) => each.write(hello.subarray(0, 100))],
      ['stops in the first record', (hello: Buffer, each: RawClient) => each.write(hello.subarray(0, 4))],
      ['stops after its hello', (hello: Buffer, each: RawClient) => each.write(hello)],
    ])('ends after client_header_timeout when the client %s', async (_what, act) => {
      proxy = await start(`${shape} client_header_timeout ${PATIENCE_MS}ms;`);
      const hello = await clientHello({ servername: 'a.example' });
      const before = descriptors();
      const began = performance.now();
      for (let i = 0; i < 10; i++) act(hello, client());
      await expect.poll(() => proxy.listeners[0].connections).toBe(10);
      const took = await allClosed(began);
      expect(took).toBeGreaterThan(PATIENCE_MS - 50);
      expect(took).toBeLessThan(PATIENCE_MS + 1400);
      await nothingLeft();
      for (const each of clients) each.destroy();
      await expect.poll(descriptors).toBeLessThanOrEqual(before);
    });

    it('is not stretched by a client that drips its hello', async () => {
      proxy = await start(`${shape} client_header_timeout ${PATIENCE_MS}ms;`);
      const hello = await clientHello({ servername: 'a.example' });
      const began = performance.now();
      for (let i = 0; i < 10; i++) client();
      let at = 0;
      const dripping = setInterval(() => {
        for (const each of clients) each.write(hello.subarray(at, at + 1));
        at++;
      }, 40);
      const took = await allClosed(began);
      clearInterval(dripping);
      expect(at).toBeLessThan(hello.length);
      expect(took).toBeLessThan(PATIENCE_MS + 1400);
      await nothingLeft();
    });

    it('and the silence behind it have one time together', async () => {
      proxy = await start(`${shape} client_header_timeout 3s;`);
      const wire = connectTcp({ port: proxy.port, host: '127.0.0.1' });
      const began = performance.now();
      await once(wire, 'connect');
      await pause(1500);
      const socket = connect({ socket: wire, rejectUnauthorized: false });
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      socket.resume();
      await once(socket, 'close');
      expect(performance.now() - began).toBeGreaterThan(2950);
      expect(performance.now() - began).toBeLessThan(4200);
      await nothingLeft();
    });

    it.each([
      ['before its first byte', 0],
      ['in its hello', 100],
      ['after its hello', 100_000],
    ])('costs nothing once the client sent FIN %s', async (_where, length) => {
      proxy = await start(`${shape} client_header_timeout 60s;`);
      const hello = await clientHello({ servername: 'a.example' });
      const before = descriptors();
      for (let i = 0; i < 10; i++) {
        const each = client();
        if (length > 0) each.write(hello.subarray(0, length));
        each.socket.end();
      }
      expect(await allClosed(performance.now())).toBeLessThan(2000);
      await nothingLeft();
      for (const each of clients) each.destroy();
      await expect.poll(descriptors).toBeLessThanOrEqual(before);
    });

    it('that is refused tells why and leaves nothing', async () => {
      proxy = await start(`${shape} client_header_timeout 60s;`);
      const before = descriptors();
      const wrong: readonly (readonly [ConnectionOptions, RegExp])[] = [
        [{ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }, /protocol.version/i],
        [{ ALPNProtocols: ['spdy/3'] }, /no.application.protocol/i],
        [{ maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }, /handshake.failure/i],
      ];
      for (const [options, expected] of wrong) {
        for (let i = 0; i < 5; i++) {
          const socket = connect({
            port: proxy.port,
            host: '127.0.0.1',
            rejectUnauthorized: false,
            ...options,
          });
          const [error] = await once(socket, 'error');
          expect(String(error.code)).toMatch(expected);
        }
      }
      for (const bytes of [
        '\x16\x03\x01\x00\x05hello',
        '\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10',
        '\x16\x03\x01\x00\x04\x02\x00\x00\x00',
      ]) {
        const each = client();
        each.write(Buffer.from(bytes.padEnd(200, '\0'), 'latin1'));
        await each.closed();
        each.destroy();
      }
      await nothingLeft();
      await expect.poll(descriptors).toBeLessThanOrEqual(before);
    });

    it.each(['TLSv1.2', 'TLSv1.3'] as const)(
      'of %s whose client refuses the certificate leaves nothing',
      async (version) => {
        proxy = await start(`${shape} client_header_timeout 60s;`);
        const before = descriptors();
        const options = { host: '127.0.0.1', minVersion: version, maxVersion: version };
        for (let i = 0; i < 5; i++) {
          const socket = connect({ port: proxy.port, ...options });
          const [error] = await once(socket, 'error');
          expect(error.code).toMatch(/SELF_SIGNED/);
        }
        await nothingLeft();
        await expect.poll(descriptors).toBeLessThanOrEqual(before);
      },
    );

    it('takes a hello in pieces and in many records', async () => {
      proxy = await start(shape);
      let first = true;
      const { duplex } = below((wire, data) => {
        // What follows the hello goes as it is.
        if (!first) return wire.write(data);
        first = false;
        for (let at = 5; at < data.length; at += 50) {
          const part = data.subarray(at, at + 50);
          wire.write(Buffer.concat([data.subarray(0, 3), Buffer.from([0, part.length]), part]));
        }
      });
      const socket = connect({ socket: duplex, servername: 'b.example', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      socket.write(get('/', 'Connection: close\r\n').replace('Host: a', 'Host: b.example'));
      let text = '';
      for await (const chunk of socket) text += chunk;
      expect(readAnswers(text)[0].body).toBe('second');
    });

    it('and all behind it ends with a close_notify, also when no FIN comes', async () => {
      proxy = await start(`${shape} client_header_timeout 60s;`);
      const { duplex, wire } = below((under, data) => under.write(data));
      const socket = connect({ socket: duplex, rejectUnauthorized: false });
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      socket.write(get('/'));
      await once(socket, 'data');
      socket.end();
      await nothingLeft();
      expect(wire.writableEnded).toBe(false);
      wire.destroy();
    });

    it('of a client that is served is followed by nothing but requests', async () => {
      proxy = await start(shape);
      const wire = connectTcp({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
      const socket = connect({ socket: wire, rejectUnauthorized: false });
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      socket.write(get('/'));
      await once(socket, 'data');
      wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await nothingLeft();
      socket.destroy();
    });
  });

  describe(`plain HTTP to a TLS port (${make})`, () => {
    const page = (name: string): string[] =>
      readFileSync(join(dir, `${name}.log`), 'latin1')
        .split('\n')
        .filter((line) => line !== '');
    const asked = async (send: (each: RawClient) => Promise<void> | void): Promise<string> => {
      const each = client();
      await send(each);
      return each.closed();
    };

    it.each([
      ['at once', (each: RawClient) => each.write(get('/'))],
      ['with keep-alive and more behind it', (each: RawClient) => each.write(get('/') + get('/'))],
      [
        'in single bytes',
        async (each: RawClient) => {
          for (const byte of get('/')) {
            each.write(byte);
            await pause(2);
          }
        },
      ],
      ['with a body', (each: RawClient) => each.write(`${post('/', 'Content-Length: 5\r\n')}hello`)],
      ['behind empty lines', (each: RawClient) => each.write(`\r\n\r\n${get('/')}`)],
    ])('gets one 400 that says so, %s', async (_how, send) => {
      proxy = await start(`${shape} client_header_timeout 60s;`);
      const answers = readAnswers(await asked(send));
      expect(answers.map((answer) => answer.status)).toEqual([400]);
      expect(answers[0].body).toContain('<center>The plain HTTP request was sent to HTTPS port</center>');
      expect(answers[0].fields.get('connection')).toBe('close');
      for (const each of clients) each.destroy();
      await nothingLeft();
    });

    it('is answered and logged by the server of its Host', async () => {
      proxy = await start(`${shape} client_header_timeout 60s;`);
      const [answer] = readAnswers(
        await asked((each) => each.write('GET / HTTP/1.1\r\nHost: b.example\r\n\r\n')),
      );
      expect(answer.body).toContain('https');
      proxy.logFiles.flushAllSync();
      expect(page('b').at(-1)).toBe('http b.example GET 400 []');
    });

    it('is watched by client_header_timeout', async () => {
      proxy = await start(`${shape} client_header_timeout 300ms;`);
      const text = await asked((each) => each.write('GET / HTTP/1.1\r\nHo'));
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
    });

    it('that is no HTTP gets 400', async () => {
      proxy = await start(shape);
      expect(await asked((each) => each.write('SSH-2.0-nobody\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
    });
  });

  describe(`draining (${make})`, () => {
    it('soon lets go of clients that say nothing, and waits for a handshake under way', async () => {
      proxy = await start(`${shape} client_header_timeout 60s;`);
      const [listener] = proxy.listeners;
      const silent = client();
      const wire = connectTcp({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
      await once(wire, 'connect');
      const hello = await clientHello();
      const half = client();
      half.write(hello.subarray(0, 50));
      await expect.poll(() => listener.connections).toBe(3);
      await pause(50);
      const drained = listener.drain();
      // Their first bytes may be on their way: 5 s.
      await silent.closed(8000);
      await expect.poll(() => listener.connections).toBe(1);
      half.socket.end();
      await drained;
      wire.destroy();
    });

    it('a client that gets through is served once', async () => {
      proxy = await start(`${shape} client_header_timeout 60s;`);
      const [listener] = proxy.listeners;
      const socket = await secure();
      socket.write(get('/'));
      await once(socket, 'data');
      const drained = listener.drain();
      await once(socket, 'end');
      await drained;
    });
  });
}
