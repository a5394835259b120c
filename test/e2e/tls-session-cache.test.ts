// ssl_session_cache: a session without a ticket resumes at every acceptor, also at one that came later, and after a reload.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-sessions-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Visit {
  readonly resumed: boolean;
  readonly session: Buffer | undefined;
  /** The process that answered. */
  readonly by: string;
}

async function visit(port: number, version: 'TLSv1.2' | 'TLSv1.3', session?: Buffer): Promise<Visit> {
  const only = { minVersion: version, maxVersion: version, rejectUnauthorized: false };
  const socket = connect({ port, host: '127.0.0.1', servername: 'a.example', session, ...only });
  let [given, text]: [Buffer | undefined, string] = [undefined, ''];
  socket.on('session', (fresh: Buffer) => {
    given = fresh;
  });
  socket.on('data', (chunk: Buffer) => {
    text += chunk.latin1Slice();
  });
  socket.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
  await once(socket, 'end');
  const resumed = socket.isSessionReused();
  socket.destroy();
  return { resumed, session: given, by: text.split('\r\n\r\n')[1] };
}

it.each(['shared:S:1m', 'builtin'])(
  '%s is one for all acceptors',
  async (cache) => {
    const { certificate, key } = makeCertificate(dir, 'a', 'a.example');
    const lbproxy =
      await startLbproxy(`worker_processes 2; http { server { listen 127.0.0.1:PORT1 ssl; server_name a.example;
    ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_session_cache ${cache}; ssl_session_tickets off; return 200 $pid; } }`);
    /** Whether it resumes at both. */
    const everywhere = async (
      version: 'TLSv1.2' | 'TLSv1.3',
      session: Buffer | undefined,
    ): Promise<Set<boolean>> => {
      const [resumed, by] = [new Set<boolean>(), new Set<string>()];
      // An acceptor that was killed has its successor within seconds.
      const deadline = performance.now() + 20_000;
      while (by.size < 2 && performance.now() < deadline)
        // Several at once: otherwise one acceptor may take them all.
        for (const seen of await Promise.all(
          Array.from({ length: 6 }, () => visit(lbproxy.port, version, session)),
        )) {
          resumed.add(seen.resumed);
          by.add(seen.by);
        }
      expect(by.size).toBe(2);
      return resumed;
    };
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await visit(lbproxy.port, version);
      expect(first.resumed).toBe(false);
      expect(await everywhere(version, first.session)).toEqual(new Set([true]));
      process.kill(Number(first.by), 'SIGKILL');
      expect(await everywhere(version, first.session)).toEqual(new Set([true]));
      expect(await lbproxy.reload()).toBe('reloaded');
      expect(await everywhere(version, first.session)).toEqual(new Set([true]));
    }
    await lbproxy.stop();
  },
  60_000,
);
