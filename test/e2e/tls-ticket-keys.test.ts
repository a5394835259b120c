// Keys of session tickets: a ticket outlives one change of them and no second one, at every acceptor.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TICKET_KEY_BYTES, TicketKeys } from '../../src/socket/ticket-keys.ts';
import { makeCertificate } from '../support/certificates.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { startProxy } from '../support/proxy.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-tickets-'));
let certificate = '';
beforeAll(() => {
  const files = makeCertificate(dir, 'a', 'a.example');
  certificate = `ssl_certificate ${files.certificate}; ssl_certificate_key ${files.key};`;
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Visit {
  readonly resumed: boolean;
  readonly session: Buffer;
  /** Name of the key that its ticket was made with. */
  readonly key: string;
  /** What the server answered. */
  readonly body: string;
}

/** One request; ends when both the answer and a session have come, or the answer alone where there is one already. */
function visit(port: number, options: ConnectionOptions): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'a.example', ...LAX, ...options });
    let session: Buffer | undefined;
    let text = '';
    socket.on('session', (fresh) => {
      session = fresh;
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.latin1Slice();
    });
    socket.on('end', () => {
      const ticket = socket.getTLSTicket() ?? Buffer.alloc(0);
      resolve({
        resumed: socket.isSessionReused(),
        session: session ?? (options.session as Buffer),
        key: ticket.subarray(0, 16).toString('hex'),
        body: text.split('\r\n\r\n')[1],
      });
      socket.destroy();
    });
    socket.on('error', reject);
    socket.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
  });
}

const LAX: ConnectionOptions = { rejectUnauthorized: false };
const server = (listen: string): string =>
  `http { server { listen ${listen} ssl; server_name a.example; ${certificate} return 200 $pid; } }`;

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a ticket of %s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  it('is taken while its key is known, and replaced where that is not the newest', async () => {
    const [a, b, c, d] = Array.from({ length: 4 }, () => randomBytes(TICKET_KEY_BYTES));
    const keys = new TicketKeys([a, b]);
    const proxy = await startProxy(server('127.0.0.1:0'), { ticketKeys: keys });
    const first = await visit(proxy.port, only);
    expect(first.resumed).toBe(false);
    const again = (session: Buffer): Promise<Visit> => visit(proxy.port, { ...only, session });
    expect((await again(first.session)).resumed).toBe(true);
    keys.use([b, c, a]);
    const second = await again(first.session);
    expect(second.resumed).toBe(true);
    const fresh = await visit(proxy.port, only);
    keys.use([c, d, b]);
    expect((await again(first.session)).resumed).toBe(false);
    expect((await again(fresh.session)).resumed).toBe(true);
    // TLS 1.2 has the new ticket in the same handshake, and Node does not tell of it.
    if (version === 'TLSv1.3') expect((await again(second.session)).resumed).toBe(true);
    keys.use([d]);
    expect((await again(fresh.session)).resumed).toBe(false);
    await proxy.close();
  });
});

it('each hour there is a new key, the same at every acceptor, also at one that came later', async () => {
  const lbproxy = await startLbproxy(`worker_processes 2; ${server('127.0.0.1:PORT1')}`, {
    main: fileURLToPath(new URL('../support/own-hours.ts', import.meta.url)),
  });
  const only: ConnectionOptions = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
  /** Whether a session resumes, and with what key others are made, at both acceptors. */
  const everywhere = async (session: Buffer): Promise<{ resumed: Set<boolean>; keys: Set<string> }> => {
    const resumed = new Set<boolean>();
    const keys = new Set<string>();
    const acceptors = new Set<string>();
    // An acceptor that was killed has its successor within seconds.
    const deadline = performance.now() + 20_000;
    while (acceptors.size < 4 && performance.now() < deadline) {
      // Several at once: otherwise one acceptor may take them all.
      const visits = Array.from({ length: 8 }, async (_, n) => {
        const old = n % 2 === 0;
        const seen = await visit(lbproxy.port, old ? { ...only, session } : only);
        acceptors.add(`${seen.body} ${old}`);
        if (old) resumed.add(seen.resumed);
        else keys.add(seen.key);
      });
      await Promise.all(visits);
    }
    expect(acceptors.size).toBe(4);
    return { resumed, keys };
  };

  /** Makes an hour end, and gives the key of the one that begins, once both have heard of it. */
  const nextHour = async (key: string, session: Buffer): Promise<string> => {
    process.kill(lbproxy.child.pid ?? 0, 'SIGUSR2');
    const hasOld = async (): Promise<boolean> => (await everywhere(session)).keys.has(key);
    await expect.poll(hasOld, { timeout: 10_000 }).toBe(false);
    return (await visit(lbproxy.port, only)).key;
  };

  const first = await visit(lbproxy.port, only);
  const second = await nextHour(first.key, first.session);
  expect(await everywhere(first.session)).toEqual({ resumed: new Set([true]), keys: new Set([second]) });
  const newer = await visit(lbproxy.port, only);
  const [gone] = lbproxy.acceptorPids();
  process.kill(gone, 'SIGKILL');
  expect(await everywhere(first.session)).toEqual({ resumed: new Set([true]), keys: new Set([second]) });
  expect(await lbproxy.reload()).toBe('reloaded');
  const third = await nextHour(second, first.session);
  expect(await everywhere(first.session)).toEqual({ resumed: new Set([false]), keys: new Set([third]) });
  expect((await everywhere(newer.session)).resumed).toEqual(new Set([true]));
}, 60_000);
