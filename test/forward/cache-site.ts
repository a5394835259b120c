// A cache, or a store, in a directory of its own in front of a peer that answers byte for byte; made anew for each test.
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { type Answer, exchangeOnce, field } from '../support/wire.ts';

export let dir = '';
export let proxy: Proxy | null = null;
export let peer: TestPeer | null = null;
/** Heads of requests that the peer got. */
export let seen: string[] = [];
/** Open connections of the peer. */
export let connections = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cache-attacks-'));
  seen = [];
});

afterEach(async () => {
  vi.restoreAllMocks();
  await proxy?.close();
  await peer?.close();
  proxy = null;
  peer = null;
  rmSync(dir, { recursive: true, force: true });
});

/** `answer`: the bytes for a request's head, after which the peer closes, or waits where it is `patient`. */
export async function start(
  location: string,
  answer: (head: string) => string,
  patient = false,
): Promise<void> {
  peer = await startRawUpstream((socket) => {
    let head = '';
    connections++;
    socket.on('close', () => connections--);
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      seen.push(head);
      socket.write(answer(head), 'latin1');
      if (!patient) socket.end();
      head = '';
    });
  });
  proxy = await startProxy(`events {}
    http {
      proxy_cache_path ${dir}/cache levels=1:2 keys_zone=one:1m;
      server { listen 127.0.0.1:0; add_header X-Cache $upstream_cache_status always; location / {
        proxy_pass http://${peer.address}; ${location} } }
    }`);
}

export function ask(method: string, path: string, fields: readonly string[] = []): Promise<Answer> {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: a', 'Connection: close', ...fields];
  return exchangeOnce(proxy?.port ?? 0, `${lines.join('\r\n')}\r\n\r\n`);
}

export const said = (answer: Answer): string =>
  `${answer.status} ${field(answer, 'x-cache')} ${answer.framing} ${answer.body}`;

export const openFiles = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`).length > 0 && linkOf(fd).startsWith(dir);
    } catch {
      return false;
    }
  }).length;

export const linkOf = (fd: string): string => readlinkSync(`/proc/self/fd/${fd}`);

export const filesIn = (under: string): string[] =>
  existsSync(under)
    ? readdirSync(under, { recursive: true, encoding: 'utf8' }).filter(
        (name) => !/(^|\/)[0-9a-f]{1,2}$|looked/.test(name),
      )
    : [];
