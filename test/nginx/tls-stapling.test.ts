// ssl_stapling through nginx and through lbproxy: what is asked of a responder that is openssl's, and what clients are shown.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../support/authority.ts';
import { nginxVersion } from '../support/nginx.ts';
import { type Pair, type Side, startPair } from './pair.ts';

const SERVERS: Readonly<Record<string, string>> = {
  good: 'ssl_trusted_certificate {}/root.crt;',
  chain: '',
  revoked: 'ssl_trusted_certificate {}/root.crt;',
  file: 'ssl_stapling_file {}/file.der;',
  wrong: 'ssl_trusted_certificate {}/root.crt; ssl_stapling_responder {responder}wrong;',
  error: 'ssl_trusted_certificate {}/root.crt; ssl_stapling_responder {responder}error/;',
  unsigned: '',
  off: 'ssl_stapling off; ssl_trusted_certificate {}/root.crt;',
};
const NAMES = Object.keys(SERVERS);
/** Those whose answers are asked for. */
const ASKED = ['good', 'chain', 'revoked', 'wrong', 'error'];

describe.skipIf(nginxVersion === '')('lbproxy staples as nginx', () => {
  const ca = new Authority();
  const seen: string[] = [];
  let responder: Server;
  let pair: Pair;
  beforeAll(async () => {
    responder = createServer((request, response) => {
      const url = request.url ?? '';
      seen.push(`${request.method} ${url}`);
      if (url.startsWith('/error/')) return void response.writeHead(500).end();
      const type = url.startsWith('/wrong') ? 'text/plain' : 'application/ocsp-response';
      response.writeHead(200, { 'Content-Type': type }).end(answerTo(ca, url.split('/').at(-1) ?? ''));
    }).listen(0, '127.0.0.1');
    await once(responder, 'listening');
    pair = await startPair(
      configuration(ca, `http://127.0.0.1:${(responder.address() as AddressInfo).port}/`),
    );
  }, 60_000);
  afterAll(async () => {
    await pair?.close();
    responder?.close();
    ca.remove();
  });

  it('asks for the same, once for each certificate', async () => {
    for (const side of [pair.nginx, pair.lbproxy]) {
      // Nobody waits for the answer.
      for (const name of NAMES)
        expect([side.name, name, (await shown(side, name)).length]).toEqual([
          side.name,
          name,
          name === 'file' ? fileOf(ca).length : 0,
        ]);
    }
    await expect.poll(() => seen.length).toBe(2 * ASKED.length);
    const count = new Map<string, number>();
    for (const one of seen) count.set(one, (count.get(one) ?? 0) + 1);
    expect(new Set(count.values())).toEqual(new Set([2]));
  });

  it.each(NAMES)('shows the same of %s', async (name) => {
    const lengthOf = async (side: Side): Promise<number> => (await shown(side, name)).length;
    const wanted = ['good', 'chain', 'file'].includes(name);
    for (const side of [pair.nginx, pair.lbproxy]) {
      if (wanted) await expect.poll(() => lengthOf(side)).toBeGreaterThan(300);
      else expect(await lengthOf(side)).toBe(0);
    }
    if (!wanted) return;
    const [theirs, ours] = [await shown(pair.nginx, name), await shown(pair.lbproxy, name)];
    expect([statusIn(ca, theirs), statusIn(ca, ours)]).toEqual(['good', 'good']);
  });
});

/** What a client of this server is shown; empty = nothing. */
async function shown(side: Side, name: string): Promise<Buffer> {
  const port = side.ports[NAMES.indexOf(name)];
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, requestOCSP: true });
  let answer: Buffer = Buffer.alloc(0);
  socket.on('OCSPResponse', (response: Buffer | null) => {
    answer = response ?? answer;
  });
  socket.setTimeout(8000, () => socket.destroy(new Error('nothing for 8 s')));
  await once(socket, 'secureConnect');
  socket.destroy();
  return answer;
}

const fileOf = (ca: Authority): Buffer => readFileSync(ca.path('file.der'));

/** What openssl answers to a request in base64. */
function answerTo(ca: Authority, encoded: string): Buffer {
  ca.writeBytes('asked.der', Buffer.from(decodeURIComponent(encoded), 'base64'));
  respond(ca, 'asked.der', 'answer.der');
  return readFileSync(ca.path('answer.der'));
}

/** From a file with a request to one with what openssl answers. */
function respond(ca: Authority, asked: string, answer: string): void {
  const signer = ['-CA', ca.root, '-rsigner', ca.root, '-rkey', ca.path('root.key'), '-ndays', '1'];
  const files = ['-reqin', ca.path(asked), '-respout', ca.path(answer)];
  ocsp('-index', ca.path('index.txt'), ...signer, ...files);
}

function statusIn(ca: Authority, answer: Buffer): string {
  ca.writeBytes('shown.der', answer);
  const text = ocsp('-respin', ca.path('shown.der'), '-noverify', '-resp_text');
  return /Cert Status: (\w+)/.exec(text)?.[1] ?? text;
}

function ocsp(...args: string[]): string {
  return execFileSync('openssl', ['ocsp', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function configuration(ca: Authority, responder: string): string {
  for (const name of ['good', 'revoked', 'file', 'wrong', 'error', 'unsigned', 'off'])
    ca.leaf(name, `${name}.example`);
  ca.leaf('chain', 'chain.example', { chain: ['root'] });
  ca.revoke('revoked');
  ocsp('-issuer', ca.root, '-cert', ca.path('file.crt'), '-reqout', ca.path('file.req'));
  respond(ca, 'file.req', 'file.der');
  const server = (name: string, i: number): string =>
    `server { listen {port${i === 0 ? '' : i + 1}} ssl; ssl_certificate {}/${name}.crt; ssl_certificate_key {}/${name}.key;
      ${SERVERS[name].includes('ssl_stapling off') ? '' : 'ssl_stapling on;'}
      ${SERVERS[name].includes('responder') ? '' : 'ssl_stapling_responder {responder};'} ${SERVERS[name]} }`;
  return NAMES.map(server).join('\n').replaceAll('{}', ca.dir).replaceAll('{responder}', responder);
}
