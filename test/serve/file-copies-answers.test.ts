// Files from memory: answers are the same whether read or remembered, for every request and location, and memory stays within
// its bounds.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileCopies } from '../../src/serve/file-copies.ts';
import type { OpenFile } from '../../src/serve/open-file.ts';
import { type FakeAnswer, FakeClient, fakeExchange } from '../support/fake-client.ts';
import { askHandler, makeFiles, type OurSite, ourSite, settle } from './site.ts';

let files: ReturnType<typeof makeFiles>;
let copies: FileCopies;
let site: OurSite;

beforeAll(async () => {
  files = makeFiles();
  copies = new FileCopies();
  site = ourSite(files.root, 'lbproxy', {}, copies);
  await settle();
});
afterAll(() => files.remove());

const get = (requestLine: string, fields: readonly string[] = [], handler = site): Promise<FakeAnswer> =>
  askHandler(handler, requestLine, fields).answer;

describe('what is remembered is answered as what is read', () => {
  const TAG = '"6553f100-24"';
  const DATE = 'Tue, 14 Nov 2023 22:13:20 GMT';
  const requests: readonly (readonly [string, ...string[]])[] = [
    ['GET /small.txt'],
    ['HEAD /small.txt'],
    ['POST /small.txt', 'Content-Length: 0'],
    ['PUT /small.txt', 'Content-Length: 0'],
    ['GET /small.txt', `If-None-Match: ${TAG}`],
    ['GET /small.txt', `If-None-Match: W/${TAG}, "x"`],
    ['GET /small.txt', 'If-None-Match: "x"'],
    ['HEAD /small.txt', 'If-None-Match: *'],
    ['GET /small.txt', `If-Modified-Since: ${DATE}`],
    ['GET /small.txt', 'If-Modified-Since: Tue, 14 Nov 2023 22:13:21 GMT'],
    ['GET /imsbefore/small.txt', 'If-Modified-Since: Tue, 14 Nov 2023 22:13:21 GMT'],
    ['GET /imsoff/small.txt', `If-Modified-Since: ${DATE}`],
    ['GET /small.txt', `If-Match: ${TAG}`],
    ['GET /small.txt', 'If-Match: "x"'],
    ['GET /small.txt', 'If-Unmodified-Since: Sun, 01 Jan 2023 00:00:00 GMT'],
    ['GET /small.txt', 'If-Unrelated: x'],
    ['GET /small.txt', 'Range: bytes=0-0'],
    ['GET /small.txt', 'Range: bytes=5-'],
    ['GET /small.txt', 'Range: bytes=-5'],
    ['GET /small.txt', 'Range: bytes=0-35'],
    ['HEAD /small.txt', 'Range: bytes=1-2'],
    ['GET /small.txt', 'Range: bytes=36-'],
    ['GET /small.txt', 'Range: lines=1-2'],
    ['GET /small.txt', 'range: bytes=1-2', `If-Range: ${TAG}`],
    ['GET /small.txt', 'Range: bytes=1-2', 'If-Range: "x"'],
    ['GET /small.txt', 'Range: bytes=1-2', `If-Range: ${DATE}`],
    ['GET /small.txt', 'Range: bytes=1-2', 'If-None-Match: "x"'],
    ['GET /small.txt', 'Range: bytes=1-2,4-5'],
    ['HEAD /small.txt', 'Range: bytes=1-2,4-5'],
    ['GET /noranges/small.txt', 'Range: bytes=1-2'],
    ['GET /noranges/small.txt'],
    ['GET /notag/small.txt'],
    ['GET /notag/small.txt', `If-None-Match: ${TAG}`],
    ['GET /notype/noext'],
    ['GET /noext'],
    ['GET /exact'],
    ['GET /re/small.txt'],
    ['GET /link.txt'],
    ['GET /empty.txt'],
    ['HEAD /empty.txt'],
    ['GET /pics/'],
    ['GET /absindex/'],
    ['GET /sp%20ace%20%C3%A9%22%3Cx%3E.txt'],
    ['GET /nanos.txt'],
    ['GET /PIC.JPG'],
    ['GET /al/1.jpg'],
  ];

  /** The boundary of a multipart body is random, and its digits do not change its length. */
  const comparable = (answer: FakeAnswer): string =>
    JSON.stringify({ ...answer, body: answer.body.toString('latin1') }).replace(/\d{20}/g, 'boundary');

  it.each(requests)('%s %s', async (requestLine, ...fields) => {
    const cold = ourSite(files.root, 'lbproxy', {}, new FileCopies({ fileBytes: 0, totalBytes: 0 }));
    const read = comparable(await get(requestLine, fields, cold));
    const warm = ourSite(files.root, 'lbproxy');
    await get(requestLine.replace(/^\w+/, 'GET'), [], warm);
    for (let i = 0; i < 2; i++) expect(comparable(await get(requestLine, fields, warm))).toBe(read);
  });

  it('each location with its own fields, though the file is one', async () => {
    const uris = ['/small.txt', '/exact', '/re/small.txt'];
    const types = ['text/plain', 'application/x-default', 'text/plain'];
    for (let round = 0; round < 3; round++) {
      for (const [i, uri] of uris.entries()) {
        const { fields } = await get(`GET ${uri}`);
        expect(fields.filter(([name]) => name === 'Content-Type')).toEqual([['Content-Type', types[i]]]);
      }
    }
  });

  it('nothing to a location whose root the file is not in', async () => {
    const deep = path.join(files.root, 'deep');
    fs.mkdirSync(deep, { recursive: true });
    fs.symlinkSync('../small.txt', path.join(deep, 'up.txt'));
    const narrow = ourSite(
      files.root,
      'x',
      { root: () => `${deep}/`, mapping: { kind: 'alias', prefix: '/deep/' } },
      copies,
    );
    for (let i = 0; i < 3; i++) {
      expect((await get('GET /deep/up.txt')).status).toBe(200);
      expect((await get('GET /deep/up.txt', [], narrow)).status).toBe(403);
    }
  });

  it('no URI with a NUL, whatever its location makes of it', async () => {
    const fixed = ourSite(
      files.root,
      'x',
      { root: () => path.join(files.root, 'small.txt'), mapping: { kind: 'whole', within: files.root } },
      copies,
    );
    for (const [uri, status] of [
      ['/a', 200],
      ['/a\0', 400],
      ['/a', 200],
    ] as const) {
      const client = new FakeClient();
      const exchange = fakeExchange(client, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      exchange.uri = uri;
      fixed.handle(exchange);
      expect((await client.answer).status).toBe(status);
    }
  });
});

describe('memory', () => {
  const openFile = (fd: number, size: number): OpenFile => {
    const { dev, ino, mtimeMs, ctimeMs } = fs.fstatSync(fd);
    return { fd, kind: 'file', size, mtime: 1, identity: { dev, ino, size, mtimeMs, ctimeMs } };
  };
  const hour = Date.now() + 3_600_000;

  it('keeps no large file and none whose stamps are young, in the future, or coarse and not old enough', () => {
    const store = new FileCopies({ fileBytes: 100, totalBytes: 1000 });
    const file = (size: number, mtimeMs: number, ctimeMs: number): OpenFile => ({
      fd: -1,
      kind: 'file',
      size,
      mtime: 1,
      identity: { dev: 1, ino: 1, size, mtimeMs, ctimeMs },
    });
    const now = 1_700_000_010_000.5;
    expect(store.mayKeep(file(100, 1000, 1000), now)).toBe(true);
    expect(store.mayKeep(file(101, 1000, 1000), now)).toBe(false);
    expect(store.mayKeep(file(1, 1000, now - 101), now)).toBe(true);
    expect(store.mayKeep(file(1, 1000, now - 99), now)).toBe(false);
    expect(store.mayKeep(file(1, now - 99, 1000), now)).toBe(false);
    expect(store.mayKeep(file(1, now + 5000, 1000), now)).toBe(false);
    expect(store.mayKeep(file(1, 1000, now + 5000), now)).toBe(false);
    expect(store.mayKeep(file(1, 1000, 1_700_000_008_000), now)).toBe(false);
    expect(store.mayKeep(file(1, 1000, 1_700_000_007_000), now)).toBe(true);
  });

  it('counts what it keeps, lets go of the unused first and of everything that is gone', () => {
    const store = new FileCopies({ fileBytes: 5000, totalBytes: 20 * 5024 });
    const directory = path.join(files.root, 'many');
    fs.mkdirSync(directory);
    const paths = Array.from({ length: 60 }, (_, i) => path.join(directory, `${i}.txt`));
    for (const name of paths) {
      fs.writeFileSync(name, Buffer.alloc(4000));
      const fd = fs.openSync(name, 'r');
      const file = openFile(fd, 4000);
      expect(store.mayKeep(file, hour)).toBe(true);
      store.keep(fs.readFileSync(name), file, { path: name, root: files.root });
      fs.closeSync(fd);
      expect(store.bytes).toBeLessThanOrEqual(20 * 5024);
      // The first stays for as long as it is asked for.
      expect(store.find({ path: paths[0], root: files.root })).not.toBeNull();
    }
    expect(store.count).toBe(20);
    for (const name of paths.slice(1, 40)) expect(store.find({ path: name, root: files.root })).toBeNull();
    for (const name of paths) fs.unlinkSync(name);
    for (const name of paths) expect(store.find({ path: name, root: files.root })).toBeNull();
    expect([store.count, store.bytes]).toEqual([0, 0]);
  });

  it('keeps nothing of a file that changed between opening and the end of reading', () => {
    const store = new FileCopies();
    const name = path.join(files.root, 'raced.txt');
    fs.writeFileSync(name, 'before');
    const fd = fs.openSync(name, 'r');
    const file = openFile(fd, 6);
    fs.utimesSync(name, 1, 1);
    store.keep(Buffer.from('before'), file, { path: name, root: files.root });
    fs.closeSync(fd);
    expect(store.count).toBe(0);
  });

  it('counts a file once that several read at the same time', async () => {
    await settle();
    const own = new FileCopies();
    const fresh = ourSite(files.root, 'x', {}, own);
    await Promise.all(Array.from({ length: 20 }, () => get('GET /small.txt', [], fresh)));
    expect([own.count, own.bytes]).toEqual([1, 36 + 1024]);
  });
});
