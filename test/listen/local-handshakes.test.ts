// A handshake that waits for its certificate: what clients do meanwhile, and what becomes of it when none comes.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Leaf } from '../../src/local-ca/leaf.ts';
import { LeafStock } from '../../src/local-ca/leaf-stock.ts';
import { makeAuthority, type Pems } from '../../src/local-ca/maker.ts';
import { type Proxy, readModel, startProxy } from '../support/proxy.ts';

const CONFIG = `http {
  client_header_timeout 20s;
  server { listen 127.0.0.1:0 ssl; server_name a.test *.wild.test; ssl_certificate local; return 200 "hello $host"; }
}`;
let authority: Pems;
const stock = new LeafStock();
let proxy: Proxy;
/** Those that were asked for and wait. */
let waiting: { readonly wanted: string; answer(leaf: Leaf | null): void }[] = [];
let onAsked = (): void => {};

beforeAll(async () => {
  authority = await makeAuthority('x', Date.now());
  const { model, remove } = readModel(CONFIG);
  remove();
  const leaves = await stock.leavesOf(model, authority);
  proxy = await startProxy(CONFIG, {
    leaves,
    askLeaf: (wanted) =>
      new Promise((answer) => {
        waiting.push({ wanted, answer });
        onAsked();
      }),
  });
});
afterAll(() => proxy?.close());
beforeEach(() => {
  waiting = [];
  onAsked = () => {};
});

const asked = (): Promise<void> =>
  new Promise((resolve) => {
    onAsked = resolve;
    if (waiting.length > 0) resolve();
  });

function client(servername: string, socket?: Socket): TLSSocket {
  const to = socket === undefined ? { port: proxy.port, host: '127.0.0.1' } : { socket };
  const tls = connectTls({ ...to, servername, ca: authority.certificate, ALPNProtocols: ['http/1.1'] });
  tls.on('error', () => {});
  return tls;
}

/** The first line of an answer, and its last. */
async function answerTo(tls: TLSSocket, host: string): Promise<string[]> {
  tls.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  let text = '';
  tls.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  await once(tls, 'close');
  const lines = text.split('\r\n');
  return [lines[0], lines.at(-1) ?? ''];
}

it('goes on when it comes', async () => {
  const tls = client('x.wild.test');
  const secure = once(tls, 'secureConnect');
  await asked();
  expect(waiting[0].wanted).toBe('x.wild.test');
  waiting[0].answer(await stock.find('x.wild.test'));
  await secure;
  expect(tls.getPeerCertificate().subjectaltname).toBe('DNS:x.wild.test');
  expect(await answerTo(tls, 'x.wild.test')).toEqual(['HTTP/1.1 200 OK', 'hello x.wild.test']);
});

it('holds up nobody else', async () => {
  const slow = client('slow.wild.test');
  await asked();
  const other = client('a.test');
  await once(other, 'secureConnect');
  expect(await answerTo(other, 'a.test')).toEqual(['HTTP/1.1 200 OK', 'hello a.test']);
  waiting[0].answer(await stock.find('slow.wild.test'));
  await once(slow, 'secureConnect');
  slow.destroy();
});

it('ends where its client has gone before', async () => {
  const gone = connect({ port: proxy.port, host: '127.0.0.1' });
  const tls = client('gone.wild.test', gone);
  await asked();
  gone.resetAndDestroy();
  tls.destroy();
  waiting[0].answer(await stock.find('gone.wild.test'));
  // What it leaves behind hurts nobody, and the certificate is there for the next.
  const next = client('gone.wild.test');
  await once(next, 'secureConnect');
  expect(await answerTo(next, 'gone.wild.test')).toEqual(['HTTP/1.1 200 OK', 'hello gone.wild.test']);
  await expect.poll(() => proxy.listeners[0].busy.exchanges).toBe(0);
});

it('is of the server itself where none comes, which the log has', async () => {
  const tls = client('none.wild.test');
  const failed = once(tls, 'error');
  await asked();
  waiting[0].answer(null);
  expect(await failed.catch((error: unknown) => [error])).toEqual([
    expect.objectContaining({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
  ]);
  expect(proxy.log).toEqual(['no new local certificate for "none.wild.test": the primary gave none']);
});
