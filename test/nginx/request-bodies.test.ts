// Bodies of requests beside nginx: what the peer gets of them, how it is framed, and what the variables say.
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { exchangeOnce } from '../support/wire.ts';
import { comparable, type Side } from './pair.ts';
import { pairBeforeEcho } from './pair-before-echo.ts';
import { PING, wasRead } from './was-read.ts';

const configuration = (peer: string): string => `
  log_format bodies '$request_method $uri $status [$request_body] [$content_length]';
  upstream echo { server ${peer}; }
  client_max_body_size 100k;
  server {
    listen 127.0.0.1:{port};
    access_log {dir}/access.log bodies;
    client_body_temp_path {dir}/temp;
    client_body_buffer_size 1000;
    proxy_http_version 1.1;
    proxy_set_header X-Body "[$request_body]";
    proxy_set_header X-File "[$request_body_file]";
    proxy_set_header X-Length "[$content_length]";
    ${PING}
    location / { proxy_pass http://echo; }
    location /off/ { proxy_request_buffering off; proxy_set_header X-Own ""; proxy_pass http://echo; }
    location /old/ { proxy_http_version 1.0; proxy_pass http://echo; }
    location /old-off/ { proxy_http_version 1.0; proxy_request_buffering off; proxy_set_header X-Own ""; proxy_pass http://echo; }
    location /clean/ { client_body_in_file_only clean; client_body_temp_path {dir}/clean 1 2; proxy_pass http://echo; }
    location /kept/ { client_body_in_file_only on; client_body_temp_path {dir}/kept 2; proxy_pass http://echo; }
    location /single/ { client_body_in_single_buffer on; proxy_pass http://echo; }
    location /none/ { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Length "[$content_length]"; proxy_pass http://echo; }
    location /set/ { proxy_set_body "<$request_body>$request_method"; proxy_pass http://echo; }
    location /set-empty/ { proxy_set_body ""; proxy_pass http://echo; }
    location /set-off/ { proxy_set_body new; proxy_request_buffering off; proxy_pass http://echo; }
    location /bare/ { proxy_pass_request_headers off; proxy_pass http://echo; }
    location /text/ { return 200 "[$request_body] [$request_body_file] [$content_length]"; }
  }`;

const pair = pairBeforeEcho(configuration);

type Framing = 'length' | 'chunked' | 'expected' | 'expected at once' | 'at once' | 'slowly';

interface Case {
  readonly path: string;
  readonly bytes: number;
  readonly framing: Framing;
  readonly method: string;
}

const PLACES = ['/', '/off/', '/old/', '/old-off/', '/clean/', '/kept/', '/single/'].concat([
  '/none/',
  '/set/',
  '/set-empty/',
  '/set-off/',
  '/bare/',
  '/text/',
]);
const FRAMINGS: readonly Framing[] = [
  'length',
  'chunked',
  'expected',
  'expected at once',
  'at once',
  'slowly',
];

/** Of a chunked body that nobody reads nginx tells the size of a buffer, and asks for what it then drops. */
const isTold = (path: string, framing: Framing): boolean =>
  path !== '/text/' || (framing !== 'chunked' && !framing.startsWith('expected'));

const CASES: readonly Case[] = [
  ...PLACES.flatMap((path) =>
    [1, 900, 3000].flatMap((bytes) =>
      FRAMINGS.filter((framing) => isTold(path, framing)).map((framing) => ({
        path,
        bytes,
        framing,
        method: 'POST',
      })),
    ),
  ),
  // The limits: a buffer of 1000 bytes takes a quarter more where the length is known.
  ...[999, 1000, 1001, 1249, 1250, 1251, 65_536, 102_400, 102_401].map((bytes) => ({
    path: '/',
    bytes,
    framing: 'length' as const,
    method: 'PUT',
  })),
  { path: '/', bytes: 102_400, framing: 'chunked', method: 'PUT' },
  ...PLACES.flatMap((path) =>
    (['length', 'chunked'] as const)
      .filter((framing) => isTold(path, framing))
      .map((framing) => ({ path, bytes: 0, framing, method: 'POST' })),
  ),
  ...PLACES.map((path) => ({ path, bytes: -1, framing: 'at once' as const, method: 'GET' })),
];

/** Head and parts of the body, each to be sent when the one before was read. */
function partsOf({ path, bytes, framing, method }: Case): readonly string[] {
  const text = 'abcdefghij'.repeat(Math.ceil(Math.max(0, bytes) / 10)).slice(0, Math.max(0, bytes));
  const chunked = framing === 'chunked';
  // Those are passed on here, not by nginx.
  const streams = path === '/off/';
  const length = chunked ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${bytes}\r\n`;
  const expect = framing.startsWith('expected') ? 'Expect: 100-continue\r\n' : '';
  const head = `${method} ${path}x HTTP/1.1\r\nHost: ref.example\r\nX-Own: 1\r\nConnection: close\r\n${bytes < 0 ? '' : length}${expect}\r\n`;
  if (framing.endsWith('at once')) return [head + text];
  if (!chunked) {
    const half = Math.ceil(text.length / 2);
    return framing === 'slowly' ? [head, text.slice(0, half), text.slice(half)] : [head, text];
  }
  const chunks = (text.match(/.{1,700}/g) ?? []).map((t) => `${t.length.toString(16)}\r\n${t}\r\n`);
  return [
    head,
    ...chunks.slice(0, 2),
    `${chunks.slice(2).join('')}0\r\n${streams ? '' : 'X-Trailer: 1\r\n'}\r\n`,
  ];
}

/** Directories and numbers of files are each side's own; chunks and what is told of a body that streams depend on the moment. */
function plain(text: string, side: Side): string {
  return text
    .replaceAll(side.dir, 'DIR')
    .replace(/(DIR\/[a-z]+)(?:\/\d+)+/g, '$1/FILE')
    .replace(/(?<=[a-j])\r\n[0-9a-f]{1,4}\r\n(?=[a-j])/g, '')
    .replace(/\n[0-9a-f]{1,4}\r\n(?=[a-j])/g, '\n')
    .replace(/[a-j]{20,}/g, (t) => `<${t.length}>`)
    .replace(/(off\/x \d+ )\[[^\]]*\]/g, '$1[?]')
    .replace(/(off\/x(?:.*\n)*?X-Body: )\[[^\]]*\]/g, '$1[?]');
}

const AT_ONCE = 6;

async function ask(side: Side, one: Case) {
  const socket = connect(side.port, '127.0.0.1');
  const [head, ...parts] = partsOf(one);
  await once(socket, 'connect');
  const answer = exchangeOnce(side.port, head, { socket });
  for (const part of parts) {
    await wasRead(side);
    if (socket.writable) socket.write(part, 'latin1');
  }
  const { body, ...rest } = comparable(await answer, side);
  // What tells lengths of other values differs with them.
  const fields = rest.fields.filter((f) => !f.startsWith('Content-Length'));
  return { ...rest, fields, body: plain(body, side) };
}

async function askAll(cases: readonly Case[]) {
  const { nginx, lbproxy } = pair();
  for (let i = 0; i < cases.length; i += AT_ONCE) {
    const some = cases.slice(i, i + AT_ONCE).map(async (one) => {
      const [theirs, ours] = await Promise.all([ask(nginx, one), ask(lbproxy, one)]);
      expect({ one, ...ours }).toEqual({ one, ...theirs });
    });
    await Promise.all(some);
  }
}

describe.skipIf(nginxVersion === '')('the body of a request', () => {
  it.each(PLACES)(
    'is the same to the peer in %s',
    async (path) => {
      const cases = CASES.filter((one) => one.path === path);
      expect(cases.length).toBeGreaterThan(10);
      await askAll(cases);
    },
    20_000,
  );

  it('is the same in the log', async () => {
    const { nginx, lbproxy } = pair();
    const linesOf = (side: Side): string[] =>
      plain(readFileSync(join(side.dir, 'access.log'), 'latin1'), side)
        .trim()
        .split('\n')
        .sort();
    for (const side of [nginx, lbproxy])
      await expect
        .poll(
          () => {
            side.flush();
            return linesOf(side).length;
          },
          { timeout: 10_000 },
        )
        .toBe(CASES.length);
    expect(linesOf(lbproxy)).toEqual(linesOf(nginx));
  }, 25_000);

  it('leaves the same files, for their owner alone', async () => {
    const filesOf = (side: Side, name: string): string[] =>
      readdirSync(join(side.dir, name), { recursive: true, withFileTypes: true, encoding: 'utf8' })
        .filter((entry) => entry.isFile())
        .map((entry) => {
          const { size, mode } = statSync(join(entry.parentPath, entry.name));
          const level = entry.parentPath.slice(-2) === entry.name.slice(-2);
          return `${size} ${(mode & 0o777).toString(8)} ${entry.name.length} ${level}`;
        })
        .sort();
    const { nginx, lbproxy } = pair();
    for (const { dir } of [nginx, lbproxy]) mkdirSync(join(dir, 'temp'), { recursive: true });
    expect(filesOf(nginx, 'kept').length).toBeGreaterThan(15);
    expect(filesOf(lbproxy, 'kept')).toEqual(filesOf(nginx, 'kept'));
    for (const name of ['clean', 'temp']) {
      for (const side of [nginx, lbproxy])
        await expect.poll(() => filesOf(side, name), { timeout: 10_000 }).toEqual([]);
    }
  });
});
