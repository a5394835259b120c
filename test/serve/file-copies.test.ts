// Files from memory: the content is what is on disk at the time of the request, whatever was done to the file.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { FileCopies } from '../../src/serve/file-copies.ts';
import { type FakeAnswer, FakeClient, fakeExchange } from '../support/fake-client.ts';
import { askHandler, makeFiles, type OurSite, ourSite, settle } from './site.ts';

let files: ReturnType<typeof makeFiles>;
let copies: FileCopies;
let site: OurSite;
let nowMs = 0;

beforeAll(async () => {
  files = makeFiles();
  copies = new FileCopies({ fileBytes: 65_536, totalBytes: 1_000_000 }, { now: () => nowMs });
  site = ourSite(files.root, 'lbproxy', {}, copies);
  await settle();
});
afterEach(() => void vi.useRealTimers());
afterAll(() => files.remove());

async function get(requestLine: string, fields: readonly string[] = [], handler = site): Promise<FakeAnswer> {
  const { exchange, answer } = askHandler(handler, requestLine, fields);
  const answered = await answer;
  expect(exchange.source).toBeNull();
  return answered;
}

/** Whether the answer came within the call: only what is in memory can. */
function isHit(uri: string): boolean {
  const client = new FakeClient();
  const exchange = fakeExchange(client, `GET ${uri} HTTP/1.1\r\nHost: example.org\r\n\r\n`);
  site.handle(exchange);
  const hit = client.calls.length > 0 && exchange.status === 200;
  client.leave(exchange);
  return hit;
}

/** Seconds since the epoch. */
const OLD = 1_650_000_000;

/** A settled file that is in memory. */
async function remembered(name: string, content: string): Promise<string> {
  const file = path.join(files.root, name);
  fs.writeFileSync(file, content);
  fs.utimesSync(file, OLD, OLD);
  await settle();
  expect((await get(`GET /${name}`)).body.toString()).toBe(content);
  expect(isHit(`/${name}`)).toBe(true);
  return file;
}

describe('every change is seen by the next request', () => {
  const edits: readonly (readonly [string, (file: string) => void, number, string])[] = [
    ['an edit of the same length', (file) => fs.writeFileSync(file, 'NEW!'), 200, 'NEW!'],
    [
      'an edit of the same length that sets the time back',
      (file) => {
        fs.writeFileSync(file, 'NEW!');
        fs.utimesSync(file, OLD, OLD);
      },
      200,
      'NEW!',
    ],
    ['an edit in place', (file) => writeAt(file, 1, 'E'), 200, 'oEd!'],
    ['more', (file) => fs.appendFileSync(file, '+'), 200, 'old!+'],
    ['less', (file) => fs.truncateSync(file, 2), 200, 'ol'],
    ['nothing left', (file) => fs.truncateSync(file, 0), 200, ''],
    ['another file moved to its place', (file) => replace(file, 'moved'), 200, 'moved'],
    ['its removal', (file) => fs.unlinkSync(file), 404, ''],
    [
      'a directory in its place',
      (file) => {
        fs.unlinkSync(file);
        fs.mkdirSync(file);
      },
      301,
      '',
    ],
    [
      'a link out of the root in its place',
      (file) => {
        fs.unlinkSync(file);
        fs.symlinkSync(path.join(files.outside, 'secret.txt'), file);
      },
      403,
      '',
    ],
  ];

  it.each(edits)('%s', async (name, edit, status, content) => {
    const uri = `changed-${name.replaceAll(' ', '-')}.txt`;
    const file = await remembered(uri, 'old!');
    edit(file);
    for (let i = 0; i < 3; i++) {
      const answer = await get(`GET /${uri}`);
      expect(answer.status).toBe(status);
      if (status === 200) expect(answer.body.toString()).toBe(content);
    }
    fs.rmSync(file, { recursive: true, force: true });
  });

  it('a new time without a new content', async () => {
    const file = await remembered('touched.txt', 'same');
    fs.utimesSync(file, 1_600_000_000, 1_600_000_000);
    const answer = await get('GET /touched.txt');
    expect(answer.body.toString()).toBe('same');
    expect(answer.fields).toContainEqual(['Last-Modified', 'Sun, 13 Sep 2020 12:26:40 GMT']);
    await settle();
    await get('GET /touched.txt');
    expect(isHit('/touched.txt')).toBe(true);
  });

  it('a permission taken away', async () => {
    const file = await remembered('forbidden.txt', 'text');
    fs.chmodSync(file, 0o000);
    // root reads it all the same: then at least not from memory.
    expect(isHit('/forbidden.txt')).toBe(false);
    const answer = await get('GET /forbidden.txt');
    expect(answer.status).toBe(process.getuid?.() === 0 ? 200 : 403);
  });

  it('a link that is pointed elsewhere, and a root that is one', async () => {
    await remembered('first.txt', 'first');
    await remembered('other.txt', 'other');
    const link = path.join(files.root, 'pointer.txt');
    for (const target of ['first', 'other', 'first', 'first', 'other']) {
      fs.rmSync(link, { force: true });
      fs.symlinkSync(`${target}.txt`, link);
      expect((await get('GET /pointer.txt')).body.toString()).toBe(target);
      expect((await get('GET /pointer.txt')).body.toString()).toBe(target);
    }
    const current = path.join(path.dirname(files.root), 'current');
    const deployed = ourSite(current, 'x', {}, copies);
    for (const release of ['r1', 'r2']) {
      const directory = path.join(path.dirname(files.root), release);
      fs.mkdirSync(directory, { recursive: true });
      fs.writeFileSync(path.join(directory, 'v.txt'), release);
    }
    await settle();
    for (const release of ['r1', 'r2', 'r1', 'r2']) {
      fs.rmSync(current, { force: true });
      fs.symlinkSync(release, current);
      for (let i = 0; i < 3; i++)
        expect((await get('GET /v.txt', [], deployed)).body.toString()).toBe(release);
    }
  });

  it('two edits within one tick of the clock: a file that is that young is not kept', async () => {
    const file = path.join(files.root, 'young.txt');
    // However long it takes from a write to its reading.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    for (let i = 0; i < 60; i++) {
      const text = String(1000 + i);
      writeAt(file, 0, text);
      expect((await get('GET /young.txt')).body.toString()).toBe(text);
    }
    expect(isHit('/young.txt')).toBe(false);
    vi.useRealTimers();
    await settle();
    await get('GET /young.txt');
    expect(isHit('/young.txt')).toBe(true);
  });

  it('an edit while the file is read', async () => {
    const file = path.join(files.root, 'during.txt');
    fs.writeFileSync(file, 'a'.repeat(60_000));
    await settle();
    for (const letter of 'bcdefghijk') {
      const read = get('GET /during.txt');
      setImmediate(() => writeAt(file, 0, letter.repeat(60_000)));
      await read;
      await settle();
      // Whatever the reader caught, nothing of it stays.
      expect((await get('GET /during.txt')).body.toString()).toBe(letter.repeat(60_000));
    }
  });

  it('an index file changed, and taken away', async () => {
    const directory = path.join(files.root, 'home');
    fs.mkdirSync(directory);
    fs.writeFileSync(path.join(directory, 'index.htm'), 'second choice');
    const file = await remembered('home/index.html', 'first choice');
    expect(isHit('/home/')).toBe(true);
    replace(file, 'changed');
    expect((await get('GET /home/')).body.toString()).toBe('changed');
    fs.unlinkSync(file);
    expect((await get('GET /home/')).body.toString()).toBe('second choice');
    fs.unlinkSync(path.join(directory, 'index.htm'));
    expect((await get('GET /home/')).status).toBe(403);
  });

  it('what no stamp tells, after five seconds', async () => {
    await remembered('aged.txt', 'text');
    nowMs += 5001;
    expect(isHit('/aged.txt')).toBe(false);
    await get('GET /aged.txt');
    expect(isHit('/aged.txt')).toBe(true);
  });
});

function writeAt(file: string, position: number, text: string): void {
  const fd = fs.openSync(file, fs.existsSync(file) ? 'r+' : 'w');
  fs.writeSync(fd, text, position);
  fs.closeSync(fd);
}

function replace(file: string, content: string): void {
  fs.writeFileSync(`${file}.new`, content);
  fs.renameSync(`${file}.new`, file);
}

it('200 clients at once never see parts of two versions, nor an old one after a new', async () => {
  const file = path.join(files.root, 'versions.txt');
  const contentOf = (version: number): string => `${version};`.repeat(2000);
  let version = 100;
  replace(file, contentOf(version));
  let stopped = false;
  const write = async (): Promise<void> => {
    while (!stopped) {
      replace(file, contentOf(++version));
      // Mostly faster than a file may be kept, now and then slower.
      await new Promise((resolve) => setTimeout(resolve, version % 10 === 0 ? 150 : 4));
    }
  };
  const writer = write();
  // As long as that, and longer where a busy machine does less in it.
  const until = Date.now() + 2000;
  let answers = 0;
  const read = async (): Promise<void> => {
    while (Date.now() < until || version <= 120 || answers <= 1000) {
      const oldest = version;
      const text = (await get('GET /versions.txt')).body.toString();
      const seen = Number(text.slice(0, 3));
      if (text !== contentOf(seen)) throw new Error(`parts of two versions: ${text.slice(0, 20)}…`);
      if (seen < oldest || seen > version) throw new Error(`${seen} after ${oldest}`);
      if (++answers % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: 200 }, read));
  stopped = true;
  await writer;
  expect(version).toBeGreaterThan(120);
  expect(answers).toBeGreaterThan(1000);
});
