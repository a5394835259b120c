// TLS as clients meet it: certificates by name, versions, resumption across acceptors, reload, ALPN, and what is no TLS.
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificate, makeCertificate } from '../support/certificates.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { opensslClient } from '../support/openssl-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { readAnswer } from '../support/wire.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-tls-'));
const certificates: Record<string, Certificate> = {};
beforeAll(() => {
  for (const [file, name] of [
    ['first', 'first.example'],
    ['a', 'a.example'],
    ['wild', '*.wild.example'],
    ['next', 'a.example'],
  ]) {
    certificates[file] = makeCertificate(dir, file, name);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const open = (port: number, options: ConnectionOptions = {}): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed in the handshake')));
    socket.setTimeout(15_000, () => socket.destroy(new Error('nothing for 15 s')));
  });

const commonName = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN);

async function nameFor(port: number, options: ConnectionOptions): Promise<string> {
  const socket = await open(port, options);
  const name = commonName(socket);
  socket.destroy();
  return name;
}

/** One request on a connection that stays. */
function ask(socket: TLSSocket, host = 'a.example', path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.latin1Slice();
      const answer = readAnswer(text, false, false);
      if (answer === null) return;
      socket.off('data', onData);
      resolve(answer.body);
    };
    socket.on('data', onData);
    socket.once('close', () => reject(new Error(`closed before a whole answer: ${text}`)));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  });
}

const pair = (file: string): string =>
  `ssl_certificate ${certificates[file].certificate}; ssl_certificate_key ${certificates[file].key};`;

/** Three servers on one address; each says which it is, and its process. */
const servers = (listen: string): string =>
  [
    ['first', 'first.example'],
    ['a', 'a.example www.a.example'],
    ['wild', '*.wild.example'],
  ]
    .map(
      ([file, names]) =>
        `server { listen ${listen} ssl; server_name ${names}; ${pair(file)} return 200 "${file} $pid"; }`,
    )
    .join('\n');

describe.concurrent('a TLS listener', () => {
  let proxy: Proxy;
  beforeAll(async () => {
    proxy = await startProxy(`http { ${servers('127.0.0.1:0')} }`);
  });
  afterAll(() => proxy?.close());

  it.each([
    ['a.example', 'a.example'],
    ['A.Example', 'a.example'],
    ['www.a.example', 'a.example'],
    ['x.wild.example', '*.wild.example'],
    ['x.y.wild.example', '*.wild.example'],
    ['unknown.example', 'first.example'],
    [undefined, 'first.example'],
  ])('shows for %s the certificate of %s', async (servername, expected) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      // An empty name keeps the extension away.
      expect(await nameFor(proxy.port, { servername: servername ?? '', maxVersion })).toBe(expected);
    }
  });

  it('serves the host that is asked for, whatever the certificate was', async () => {
    const socket = await open(proxy.port, { servername: 'a.example' });
    expect(await ask(socket, 'a.example')).toMatch(/^a /);
    expect(await ask(socket, 'x.wild.example')).toMatch(/^wild /);
    expect(await ask(socket, 'other.example')).toMatch(/^first /);
    socket.destroy();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const socket = await open(proxy.port, { minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
    expect(await ask(socket)).toMatch(/^a /);
    socket.destroy();
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s', async (version) => {
    const options = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(open(proxy.port, options)).rejects.toThrow(/alert protocol version/);
  });

  it('takes http/1.1 of the offered protocols, also where h2 stands first, and none when none is offered', async () => {
    for (const servername of ['a.example', '']) {
      for (const offered of [['http/1.1'], ['h2', 'http/1.1']]) {
        const socket = await open(proxy.port, { ALPNProtocols: offered, servername });
        expect(socket.alpnProtocol).toBe('http/1.1');
        socket.destroy();
      }
      const socket = await open(proxy.port, { servername });
      expect(socket.alpnProtocol).toBe(false);
      socket.destroy();
    }
  });

  it('refuses a client that offers only unknown protocols', async () => {
    for (const servername of ['a.example', '']) {
      await expect(open(proxy.port, { ALPNProtocols: ['spdy/3'], servername })).rejects.toThrow(
        /no application protocol/,
      );
    }
  });

  it('ends with close_notify', async () => {
    const socket = await open(proxy.port, { servername: 'a.example' });
    const ended = new Promise((resolve) => socket.once('end', resolve));
    socket.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
    socket.resume();
    // Without close_notify Node reports an error instead of 'end'.
    await ended;
    socket.destroy();
  });
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)('sessions of %s resume on every acceptor', async (version) => {
  const lbproxy = await startLbproxy(`worker_processes 2; http { ${servers('127.0.0.1:PORT1')} }`);
  const options = { servername: 'a.example', minVersion: version, maxVersion: version };
  const first = await open(lbproxy.port, options);
  const sessionCame = new Promise<Buffer>((resolve) => first.once('session', resolve));
  await ask(first);
  const session = version === 'TLSv1.2' ? (first.getSession() as Buffer) : await sessionCame;
  first.destroy();
  const acceptors = new Set<string>();
  const resume = async (_: unknown, i: number): Promise<void> => {
    const socket = await open(lbproxy.port, { ...options, session });
    acceptors.add(await ask(socket));
    expect(socket.isSessionReused(), `connection ${i}, ${[...acceptors]}`).toBe(true);
    socket.destroy();
  };
  for (let i = 0; i < 50 && (i < 5 || acceptors.size < 2); i++)
    // Several at once: otherwise one acceptor may take them all.
    await Promise.all(Array.from({ length: 4 }, resume));
  expect(acceptors.size).toBe(2);
});

describe.each([
  ['TLSv1.2', '-tls1_2'],
  ['TLSv1.3', '-tls1_3'],
])('a session of %s', (_version, flag) => {
  const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
  const name = (servername: string): string[] =>
    servername === '' ? ['-noservername'] : ['-servername', servername];
  const sameCertificate = (listen: string): string =>
    ['first.example', 'a.example www.a.example', '*.wild.example']
      .map((names) => `server { listen ${listen} ssl; server_name ${names}; ${pair('a')} return 200 $pid; }`)
      .join('\n');

  it('resumes at its name, on every acceptor and after a reload, and at no other', async () => {
    const lbproxy = await startLbproxy(`worker_processes 2; http { ${sameCertificate('127.0.0.1:PORT1')} }`);
    const file = (servername: string): string => join(lbproxy.dir, `session${flag}-${servername}`);
    const visit = (servername: string, session: readonly string[]) =>
      opensslClient(lbproxy.port, [flag, '-ign_eof', ...name(servername), ...session], [GET]);
    const resumes = async (taken: string, at: string): Promise<boolean> =>
      (await visit(at, ['-sess_in', file(taken)])).resumed;
    const NAMES = ['a.example', 'www.a.example', 'x.wild.example', 'unknown.example', ''];
    for (const each of NAMES) {
      expect((await visit(each, ['-sess_out', file(each)])).text).toContain('HTTP/1.1 200 OK');
    }
    for (let round = 0; round < 2; round++) {
      for (const each of NAMES) {
        for (let i = 0; i < 4; i++) expect(await resumes(each, each), `${each} at itself`).toBe(true);
      }
      for (const other of ['www.a.example', 'first.example', 'x.wild.example', 'unknown.example', '']) {
        expect(await resumes('a.example', other), `a.example at "${other}"`).toBe(false);
      }
      expect(await resumes('x.wild.example', 'y.wild.example')).toBe(false);
      expect(await resumes('unknown.example', 'nobody.example')).toBe(false);
      expect(await resumes('', 'a.example')).toBe(false);
      expect(await resumes('a.example', 'A.EXAMPLE')).toBe(true);
      if (round === 0) expect(await lbproxy.reload()).toBe('reloaded');
    }
    lbproxy.write(
      sameCertificate('127.0.0.1:PORT1')
        .replaceAll(pair('a'), pair('next'))
        .replace(/^/, 'worker_processes 2; http { ')
        .replace(/$/, ' }'),
    );
    expect(await lbproxy.reload()).toBe('reloaded');
    expect(await resumes('a.example', 'a.example'), 'behind another certificate').toBe(false);
  }, 60_000);
});

it('a renegotiation is refused from the first', async () => {
  const proxy = await startProxy(`http { ${servers('127.0.0.1:0')} }`);
  try {
    const { text } = await opensslClient(proxy.port, ['-tls1_2'], ['R\n'], 300);
    expect(text).toContain('no renegotiation');
    const socket = await open(proxy.port, { servername: 'a.example', maxVersion: 'TLSv1.2' });
    const refused = new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(await ask(socket)).toMatch(/^a /);
    socket.renegotiate({ rejectUnauthorized: false }, () => {});
    expect(String((await refused) as NodeJS.ErrnoException)).toMatch(/no.renegotiation/i);
    await expect.poll(() => proxy.listeners[0].connections).toBe(0);
  } finally {
    await proxy.close();
  }
});

it('a reload brings another certificate and drops no connection', async () => {
  const files = { certificate: join(dir, 'live.crt'), key: join(dir, 'live.key') };
  const put = (file: string): void => {
    copyFileSync(certificates[file].certificate, files.certificate);
    copyFileSync(certificates[file].key, files.key);
  };
  put('a');
  const lbproxy =
    await startLbproxy(`worker_processes 2; http { server { listen 127.0.0.1:PORT1 ssl; server_name a.example;
    ssl_certificate ${files.certificate}; ssl_certificate_key ${files.key}; return 200 "served by $pid"; } }`);
  const fingerprint = (file: string): string =>
    new X509Certificate(readFileSync(certificates[file].certificate)).fingerprint256;
  const shown = async (servername: string): Promise<string> => {
    const socket = await open(lbproxy.port, { servername });
    const shownNow = socket.getPeerCertificate().fingerprint256;
    socket.destroy();
    return shownNow;
  };
  const kept = await Promise.all(
    Array.from({ length: 8 }, () => open(lbproxy.port, { servername: 'a.example' })),
  );
  const before = await Promise.all(kept.map((socket) => ask(socket)));
  put('next');
  expect(await lbproxy.reload()).toBe('reloaded');
  for (let i = 0; i < 6; i++) {
    expect(await shown('a.example')).toBe(fingerprint('next'));
    expect(await shown('')).toBe(fingerprint('next'));
  }
  expect(await Promise.all(kept.map((socket) => ask(socket)))).toEqual(before);
  for (const socket of kept) socket.destroy();

  // A key that does not fit changes nothing.
  copyFileSync(certificates.first.key, files.key);
  expect(await lbproxy.reload()).toBe('refused');
  expect(await shown('a.example')).toBe(fingerprint('next'));
});

it('a self-signed certificate is made once and kept', async () => {
  const state = join(dir, 'state');
  const text = `worker_processes 1; state_path ${state}; http { server { listen 127.0.0.1:PORT1 ssl; ssl_certificate self-signed; return 200 ok; } }`;
  const seen = [];
  for (let i = 0; i < 2; i++) {
    const lbproxy = await startLbproxy(text);
    const socket = await open(lbproxy.port);
    seen.push(socket.getPeerX509Certificate()?.toString());
    socket.destroy();
    await lbproxy.stop();
  }
  expect(seen[1]).toBe(seen[0]);
  const certificate = new X509Certificate(String(seen[0]));
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkHost(hostname())).toBe(hostname());
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate.checkIP('::1')).toBe('::1');
  const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(30);
  const keys = readdirSync(state).filter((file) => file.endsWith('.key'));
  expect(keys).toHaveLength(1);
  expect(statSync(join(state, keys[0])).mode & 0o777).toBe(0o600);
});

it('a client that hangs up in the handshake costs nothing', async () => {
  const proxy = await startProxy(`http { ${servers('127.0.0.1:0')} }`);
  try {
    for (let i = 0; i < 20; i++) {
      const socket = connectTcp(proxy.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(Buffer.from('\x16\x03\x01\x02\x00\x01', 'latin1'));
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (i % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    expect(await nameFor(proxy.port, { servername: 'a.example' })).toBe('a.example');
    expect(proxy.listeners[0].connections).toBeLessThanOrEqual(1);
  } finally {
    await proxy.close();
  }
});
