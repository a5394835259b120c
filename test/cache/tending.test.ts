// What the tending of a cache's directory removes, and what it must leave.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CachePlace, type CacheSpec, digestOf } from '../../src/cache/place.ts';
import { Tending } from '../../src/cache/tending.ts';

let dir = '';
let tending: Tending | null = null;
const spec = (more: Partial<CacheSpec> = {}): CacheSpec => ({
  name: 'one',
  directory: dir,
  levels: [1],
  inactiveMs: 60_000,
  maxBytes: Number.POSITIVE_INFINITY,
  minFreeBytes: 0,
  at: '',
  ...more,
});
const FACTS = { vary: '', variant: '', lastModified: -1, etag: '', error: 0, length: 4 };
const TIMES = { validSec: 4e9, updatingSec: 0, errorSec: 0 };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tending-'));
});
afterEach(() => {
  tending?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function store(place: CachePlace, key: string): string {
  const path = place.pathOf(digestOf(key));
  const writer = place.begin(path, { key, ...FACTS }, TIMES, 'HTTP/1.1 200 OK\r\n\r\n');
  writer.write(Buffer.from('body'), 0, 4);
  writer.finish();
  return path;
}

const age = (path: string, seconds: number): void => {
  const at = Date.now() / 1000 - seconds;
  utimesSync(path, at, at);
};

describe('tending', () => {
  it("leaves what is not the cache's", async () => {
    const place = new CachePlace(spec());
    const own = store(place, 'old');
    mkdirSync(join(dir, 'site'));
    const others = [
      'precious.txt',
      'site/index.html',
      `site/${digestOf('x')}`,
      'a.lock',
      'b.new',
      `${digestOf('x')}.bak`,
    ].map((name) => join(dir, name));
    for (const path of others) writeFileSync(path, 'precious');
    const outside = join(dir, 'site', 'target');
    writeFileSync(outside, 'x');
    symlinkSync(outside, join(dir, digestOf('link')));
    for (const path of [own, ...others, outside]) age(path, 3600);
    tending = new Tending(place);
    await expect.poll(() => existsSync(own), { timeout: 10_000 }).toBe(false);
    expect(others.map((path) => readFileSync(path, 'utf8'))).toEqual(others.map(() => 'precious'));
    expect(existsSync(outside)).toBe(true);
  });

  it('goes on when the clock was set back', async () => {
    const place = new CachePlace(spec());
    const own = store(place, 'old');
    age(own, 3600);
    writeFileSync(join(dir, '.looked-over'), '');
    age(join(dir, '.looked-over'), -3600);
    tending = new Tending(place);
    await expect.poll(() => existsSync(own), { timeout: 10_000 }).toBe(false);
  });

  it('marks of what was asked for once give way before answers do', async () => {
    const place = new CachePlace(spec({ maxBytes: 400_000 }));
    const paths = Array.from({ length: 20 }, (_, i) => store(place, `page ${i}`));
    const marks = Array.from({ length: 200 }, (_, i) => place.pathOf(digestOf(`once ${i}`)));
    for (const path of marks) place.use(path, 2);
    for (const path of paths) age(path, 30);
    tending = new Tending(place);
    await expect
      .poll(() => marks.filter((path) => existsSync(`${path}.uses`)).length, { timeout: 10_000 })
      .toBeLessThan(100);
    expect(paths.filter((path) => existsSync(path)).length).toBe(20);
  });

  it('what is removed while it is read can be read to its end', () => {
    const place = new CachePlace(spec());
    const path = store(place, 'read');
    const entry = place.open(path);
    rmSync(path);
    expect(entry).not.toBeNull();
    if (entry === null) return;
    expect(readFileSync(entry.fd, 'latin1').slice(entry.bodyStart)).toBe('body');
    // Renewed by its name it makes no other file.
    store(place, 'read');
    place.renew(path, entry, { ...TIMES, validSec: 5e9 });
    expect(place.open(path)?.times.validSec).toBe(4e9);
  });
});
