// What the file handler promises beyond nginx: nothing outside of the root, bounded memory, no descriptor left open,
// no stale content, no short answer that looks whole.

import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PIECE_BYTES, WHOLE_BYTES } from '../../src/answer/file-transfer.ts';
import { sendBody } from '../../src/answer/whole.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { forbiddenIn, mapPath, mappingOf } from '../../src/serve/file-path.ts';
import { isInside, problemOf, realPathByName } from '../../src/serve/open-file.ts';
import { type FakeAnswer, FakeClient, fakeExchange } from '../support/fake-client.ts';
import { BIG_BYTES, makeFiles, type OurSite, ourSite } from './site.ts';

let files: ReturnType<typeof makeFiles>;
let site: OurSite;

beforeAll(() => {
  files = makeFiles();
  site = ourSite(files.root, 'lbproxy');
});
afterAll(() => files.remove());

/** Descriptors of this process that point into the directory of the test. */
function openDescriptors(): string[] {
  const dir = path.dirname(files.root);
  return fs
    .readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((target) => target.startsWith(dir));
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 300 && !what(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(what()).toBe(true);
}

const noneOpen = (): boolean => openDescriptors().length === 0;

afterEach(() => until(noneOpen));

function begin(requestLine: string, client = new FakeClient(), ...fields: string[]): Exchange {
  const head = [`${requestLine} HTTP/1.1`, 'Host: example.org', ...fields, '', ''].join('\r\n');
  const exchange = fakeExchange(client, head);
  site.handle(exchange);
  return exchange;
}

async function get(requestLine: string, ...fields: string[]): Promise<FakeAnswer> {
  const client = new FakeClient();
  begin(requestLine, client, ...fields);
  return await client.answer;
}

/** Lets a slow client have the head and the first piece of a file. */
async function takePiece(client: FakeClient): Promise<void> {
  await until(() => client.calls.includes('start'));
  client.drain();
  await until(() => client.received === PIECE_BYTES);
}

function fieldOf(answer: FakeAnswer, name: string): string | undefined {
  return answer.fields.find(([n]) => n === name)?.[1];
}

describe('nothing outside of the root is served', () => {
  const link = (name: string, target: string): void => fs.symlinkSync(target, path.join(files.root, name));

  it('refuses links that lead out, to files and through directories', async () => {
    link('out.txt', path.join(files.outside, 'secret.txt'));
    link('out', files.outside);
    link('up.txt', '../outside/secret.txt');
    for (const uri of ['/out.txt', '/out/secret.txt', '/up.txt', '/out']) {
      const answer = await get(`GET ${uri}`);
      expect([uri, answer.status]).toEqual([uri, 403]);
      expect(answer.body.toString()).not.toContain('secret');
      expect(site.reports.at(-1)).toContain('outside of its root');
    }
  });

  it('serves links that stay inside', async () => {
    link('pics/up.txt', '../small.txt');
    expect((await get('GET /pics/up.txt')).status).toBe(200);
  });

  it('refuses an index file that leads out', async () => {
    fs.mkdirSync(path.join(files.root, 'badindex'));
    link('badindex/index.html', path.join(files.outside, 'secret.txt'));
    expect((await get('GET /badindex/')).status).toBe(403);
  });

  it('refuses the ".." that an alias without slash makes possible', async () => {
    // location /part { alias …/pic; }: what nginx would take from a neighbour whose name begins alike.
    const answer = await get('GET /parts/1.jpg');
    expect([403, 404]).toContain(answer.status);
    fs.mkdirSync(path.join(files.root, 'pic'));
    expect((await get('GET /parts/1.jpg')).status).toBe(403);
    fs.rmdirSync(path.join(files.root, 'pic'));
    const client = new FakeClient();
    const exchange = fakeExchange(client, 'GET /al/x HTTP/1.1\r\nHost: h\r\n\r\n');
    exchange.uri = '/al/../small.txt';
    site.handle(exchange);
    expect((await client.answer).status).toBe(403);
  });

  it.each([
    ['/a\0b', 400],
    ['/..', 403],
    ['/../outside/secret.txt', 403],
    ['/pics/../../outside/secret.txt', 403],
    ['/pics/..', 403],
    ['/pics/../', 403],
    // Where a backslash is a letter like others.
    ['/..\\outside\\secret.txt', path.sep === '\\' ? 403 : 404],
    ['/a\\b', path.sep === '\\' ? 403 : 404],
    ['/..x', 404],
    ['/x..', 404],
    ['/...', 404],
  ])('answers the URI %j with %i', async (uri, status) => {
    const client = new FakeClient();
    const exchange = fakeExchange(client, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    exchange.uri = uri;
    site.handle(exchange);
    expect((await client.answer).status).toBe(status);
  });

  it('sends no redirect that names another host', async () => {
    const client = new FakeClient();
    const exchange = fakeExchange(client, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    fs.mkdirSync(path.join(files.root, 'evil.example'), { recursive: true });
    exchange.uri = '//evil.example';
    const relative = ourSite(files.root, 'x', {
      sendRedirect: (e, status, location) => {
        e.status = status;
        e.lines = `Location: ${location}\r\n`;
        sendBody(e, '');
      },
    });
    relative.handle(exchange);
    expect(fieldOf(await client.answer, 'Location')).toBe('/evil.example/');
  });

  it('answers 404 without a root and reports no missing file with log_not_found off', async () => {
    const client = new FakeClient();
    ourSite(files.root, 'x', { root: null }).handle(
      fakeExchange(client, 'GET /small.txt HTTP/1.1\r\nHost: h\r\n\r\n'),
    );
    expect((await client.answer).status).toBe(404);
    const quiet = ourSite(files.root, 'x', { logNotFound: false });
    const other = new FakeClient();
    quiet.handle(fakeExchange(other, 'GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n'));
    expect((await other.answer).status).toBe(404);
    expect(quiet.reports).toEqual([]);
    await get('GET /nothing');
    expect(site.reports.at(-1)).toBe(`open() "${files.root}/nothing" failed (2: No such file or directory)`);
  });
});

describe('content is what the file holds now', () => {
  it('sees an edit at once, also of the same length', async () => {
    const file = path.join(files.root, 'edited.txt');
    for (const [i, text] of ['one', 'two', 'longer', ''].entries()) {
      fs.writeFileSync(file, text);
      fs.utimesSync(file, i + 1, i + 1);
      const answer = await get('GET /edited.txt');
      expect(answer.body.toString()).toBe(text);
      expect(fieldOf(answer, 'ETag')).toBe(`"${(i + 1).toString(16)}-${text.length.toString(16)}"`);
    }
    fs.unlinkSync(file);
    expect((await get('GET /edited.txt')).status).toBe(404);
  });

  it('follows a root that is a link when a deployment points it elsewhere', async () => {
    const base = path.dirname(files.root);
    const current = path.join(base, 'current');
    const deployed = ourSite(current, 'x');
    for (const release of ['r1', 'r2', 'r1']) {
      fs.mkdirSync(path.join(base, release), { recursive: true });
      fs.writeFileSync(path.join(base, release, 'v.txt'), release);
      fs.rmSync(current, { force: true });
      fs.symlinkSync(path.join(base, release), current);
      const client = new FakeClient();
      deployed.handle(fakeExchange(client, 'GET /v.txt HTTP/1.1\r\nHost: h\r\n\r\n'));
      expect((await client.answer).body.toString()).toBe(release);
    }
  });
});

describe('sending', () => {
  it('sends a small file in one piece, ranges of it too', async () => {
    for (const range of [[], ['Range: bytes=1-2'], ['Range: bytes=1-2,5-6']]) {
      const client = new FakeClient();
      begin('GET /small.txt', client, ...range);
      await client.answer;
      expect(client.calls).toEqual(['sendWhole']);
    }
  });

  it('holds one buffer at a time for a client that takes its time', async () => {
    const client = new FakeClient({ slow: true });
    begin('GET /big.bin', client);
    await until(() => client.calls.includes('start'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.received).toBe(0);
    client.drain();
    for (const received of [PIECE_BYTES, 2 * PIECE_BYTES]) {
      await until(() => client.received === received);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(client.received).toBe(received);
      client.drain();
      client.drain();
    }
    const answer = await client.answer;
    expect(answer.body).toEqual(fs.readFileSync(path.join(files.root, 'big.bin')));
    expect(client.calls).toEqual(['start', 'write', 'write', 'write', 'finish']);
  });

  it.each([1, WHOLE_BYTES, WHOLE_BYTES + 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES])(
    'sends %i bytes',
    async (size) => {
      const content = Buffer.alloc(size, 'abcdefg');
      fs.writeFileSync(path.join(files.root, 'sized'), content);
      const answer = await get('GET /sized');
      expect(answer.body.equals(content)).toBe(true);
      expect(fieldOf(answer, 'Content-Length')).toBe(String(size));
    },
  );

  it('aborts when the file becomes shorter', async () => {
    const file = path.join(files.root, 'shrinking.bin');
    fs.writeFileSync(file, Buffer.alloc(BIG_BYTES));
    const client = new FakeClient({ slow: true });
    begin('GET /shrinking.bin', client);
    await takePiece(client);
    fs.truncateSync(file, PIECE_BYTES + 5000);
    client.drain();
    const answer = await client.answer;
    expect(answer.end).toBe('body_truncated');
    expect(client.calls).not.toContain('finish');
  });

  it('does not send what the file grew by', async () => {
    const file = path.join(files.root, 'growing.bin');
    const content = Buffer.alloc(PIECE_BYTES + 1000, 'a');
    fs.writeFileSync(file, content);
    const client = new FakeClient({ slow: true });
    begin('GET /growing.bin', client);
    await takePiece(client);
    fs.appendFileSync(file, Buffer.alloc(100_000, 'b'));
    client.drain();
    expect((await client.answer).body.equals(content)).toBe(true);
  });

  it('stops and closes when the client leaves: before the file is open, and in the middle', async () => {
    const early = new FakeClient();
    early.leave(begin('GET /big.bin', early));
    const atIndex = new FakeClient();
    const indexed = begin('GET /', atIndex);
    atIndex.leave(indexed);
    const middle = new FakeClient({ slow: true });
    const exchange = begin('GET /big.bin', middle);
    await takePiece(middle);
    expect(openDescriptors()).toHaveLength(1);
    middle.leave(exchange);
    await until(noneOpen);
    const reading = new FakeClient({ slow: true });
    const other = begin('GET /big.bin', reading);
    await takePiece(reading);
    reading.drain();
    reading.leave(other);
    await until(noneOpen);
    expect(reading.received).toBe(PIECE_BYTES);
    expect(early.calls).toEqual([]);
    expect(atIndex.calls).toEqual([]);
    expect(indexed.uri).toBe('/');
  });

  it('leaves no producer behind an answer', async () => {
    for (const line of [
      'GET /small.txt',
      'GET /big.bin',
      'HEAD /big.bin',
      'GET /nothing',
      'GET /pics',
      'GET /',
      'PUT /',
    ]) {
      const client = new FakeClient();
      const exchange = begin(line, client);
      await client.answer;
      expect(exchange.source).toBeNull();
    }
  });

  it('keeps descriptors apart under many requests at once', async () => {
    const lines = [
      'GET /small.txt',
      'GET /big.bin',
      'GET /nothing',
      'GET /pics',
      'HEAD /big.bin',
      'GET /fifo',
      'GET /',
    ];
    const answers = await Promise.all(Array.from({ length: 210 }, (_, i) => get(lines[i % lines.length])));
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.slice(0, 7)).toEqual([200, 200, 404, 301, 200, 404, 200]);
    for (const [i, answer] of answers.entries()) expect(answer.body.equals(answers[i % 7].body)).toBe(true);
  });
});

describe('paths', () => {
  it('maps root, alias and whole paths', () => {
    expect(mapPath({ kind: 'root' }, '/w/', '/a')).toEqual({ path: '/w/a', root: '/w' });
    expect(mapPath({ kind: 'root' }, '/', '/a')).toEqual({ path: '/a', root: '/' });
    const alias = mappingOf({ path: '/w/', alias: true }, { kind: 'prefix', text: '/ü/' });
    expect(mapPath(alias, '/w/', '/\xc3\xbc/x')).toEqual({ path: '/w/x', root: '/w/' });
    expect(mapPath(alias, '/w/', '/else')).toBeNull();
  });

  it.each([
    ['/data/files/$1', '/data/files/'],
    ['/data/user-$1/x', '/data/'],
    ['$root/x', ''],
    ['/data/fixed.txt', '/data/'],
  ])('keeps %s within %j', (text, within) => {
    const match = { kind: 'regex', text: '^/(.*)', caseless: false } as const;
    expect(mappingOf({ path: text, alias: true }, match)).toEqual({ kind: 'whole', within });
  });

  it('answers 500 when a rewrite took the URI out of the alias', async () => {
    const client = new FakeClient();
    const handler = ourSite(files.root, 'x', { mapping: { kind: 'alias', prefix: '/other/' } });
    handler.handle(fakeExchange(client, 'GET /small.txt HTTP/1.1\r\nHost: h\r\n\r\n'));
    expect((await client.answer).status).toBe(500);
  });

  it('compares whole segments', () => {
    expect(isInside('/w/a', '/w')).toBe(true);
    expect(isInside('/w', '/w')).toBe(true);
    expect(isInside('/wx', '/w')).toBe(false);
    expect(isInside('/v', '/w')).toBe(false);
    expect(isInside('/w', '/')).toBe(true);
    expect(forbiddenIn('/a/..b/c..')).toBe('');
  });

  it.each([
    ['EACCES', 403],
    ['ELOOP', 403],
    ['ENOENT', 404],
    ['ENAMETOOLONG', 404],
    ['EMFILE', 500],
    ['EIO', 500],
  ])('answers %s with %i', (code, status) => {
    expect(problemOf(Object.assign(new Error('x'), { code }), 'open', '/x').status).toBe(status);
  });

  it('looks a real path up by name where descriptors do not tell it, and refuses an exchanged file', async () => {
    const name = path.join(files.root, 'link.txt');
    const look = (stats: fs.BigIntStats): Promise<[NodeJS.ErrnoException | null, string]> =>
      new Promise((resolve) => realPathByName(name, stats, (error, real) => resolve([error, real])));
    const [error, real] = await look(fs.statSync(name, { bigint: true }));
    expect([error, real]).toEqual([null, path.join(files.root, 'small.txt')]);
    const [exchanged] = await look(fs.statSync(path.join(files.root, 'index.html'), { bigint: true }));
    expect(exchanged?.code).toBe('EACCES');
  });
});
