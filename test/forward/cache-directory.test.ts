// What others do to the directory of a cache: none of it is an answer, and none of it stops the cache for longer than one answer.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeEntry } from '../../src/cache/entry.ts';
import { CachePlace, digestOf } from '../../src/cache/place.ts';
import { ask, dir, filesIn, openFiles, said, start } from './cache-site.ts';

describe('what somebody put into the directory', () => {
  const good = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345';
  const facts = { key: '/a', vary: '', variant: '', lastModified: -1, etag: '', error: 0, length: 4 };
  const entry = (more: unknown): Buffer =>
    Buffer.concat([
      encodeEntry(
        more as typeof facts,
        { validSec: 4e9, updatingSec: 0, errorSec: 0 },
        'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n',
      ),
      Buffer.from('evil'),
    ]);

  it.each<[string, (path: string) => void]>([
    ['a pipe', (path) => void execFileSync('mkfifo', [path])],
    ['a link', (path) => symlinkSync('/etc/passwd', path)],
    ['a link to itself', (path) => symlinkSync(path, path)],
    ['nothing', (path) => writeFileSync(path, '')],
    ['zeros', (path) => writeFileSync(path, Buffer.alloc(5000))],
    ['its beginning only', (path) => writeFileSync(path, entry(facts).subarray(0, 60))],
    ['an answer that lost its end', (path) => writeFileSync(path, entry(facts).subarray(0, -1))],
    ['one that grew', (path) => writeFileSync(path, `${entry(facts).toString('latin1')}!`, 'latin1')],
    ['facts that are none', (path) => writeFileSync(path, entry(null))],
    ['facts without a part', (path) => writeFileSync(path, entry({ ...facts, error: undefined }))],
    ['a status that is none', (path) => writeFileSync(path, entry({ ...facts, error: 7_000_000 }))],
    ['a tag that is no text', (path) => writeFileSync(path, entry({ ...facts, etag: 5 }))],
    [
      'the answer of another key with this digest',
      (path) => writeFileSync(path, entry({ ...facts, key: '/b' })),
    ],
    [
      'a variant of other fields',
      (path) => writeFileSync(path, entry({ ...facts, vary: 'x-a', variant: '1'.repeat(32) })),
    ],
  ])('%s is no answer', async (_what, put) => {
    await start(
      'proxy_cache one; proxy_cache_key $uri; proxy_cache_valid any 1h; proxy_cache_lock on;',
      () => good,
    );
    const path = placeOf('/a');
    mkdirSync(dirname(path), { recursive: true });
    put(path);
    expect(said(await ask('GET', '/a'))).toBe('200 MISS length 12345');
    expect(said(await ask('GET', '/a'))).toBe('200 HIT length 12345');
    await expect.poll(openFiles).toBe(0);
    expect(filesIn(`${dir}/cache`).filter((name) => !/[0-9a-f]{32}$/.test(name))).toEqual([]);
  });

  it('a directory in the place of an answer costs only that one', async () => {
    await start(
      'proxy_cache one; proxy_cache_key $uri; proxy_cache_valid any 1h; proxy_cache_lock on;',
      () => good,
    );
    mkdirSync(join(placeOf('/a'), 'in'), { recursive: true });
    for (let i = 0; i < 3; i++) expect(said(await ask('GET', '/a'))).toBe('200 MISS length 12345');
    await expect.poll(openFiles).toBe(0);
    expect(filesIn(`${dir}/cache`).filter((name) => name.endsWith('.new') || name.endsWith('.lock'))).toEqual(
      [],
    );
  });

  it.each([
    ['lock', 'MISS HIT'],
    ['uses', 'MISS MISS'],
  ])('a pipe in the place of %s holds up nobody', async (ending, states) => {
    await start(
      `proxy_cache one; proxy_cache_key $uri; proxy_cache_valid any 1h; proxy_cache_lock on; proxy_cache_min_uses ${ending === 'uses' ? 2 : 1};`,
      () => good,
    );
    const path = placeOf('/a');
    mkdirSync(dirname(path), { recursive: true });
    execFileSync('mkfifo', [`${path}.${ending}`]);
    for (const state of states.split(' '))
      expect(said(await ask('GET', '/a'))).toBe(`200 ${state} length 12345`);
    await expect.poll(openFiles).toBe(0);
  });

  it('a directory that is removed comes back', async () => {
    await start(
      'proxy_cache one; proxy_cache_key $uri; proxy_cache_valid any 1h; proxy_cache_lock on;',
      () => good,
    );
    await ask('GET', '/a');
    rmSync(`${dir}/cache`, { recursive: true });
    expect(said(await ask('GET', '/a'))).toContain('MISS');
    expect(said(await ask('GET', '/a'))).toContain('HIT');
  });

  const placeOf = (key: string): string =>
    new CachePlace({
      name: 'one',
      directory: `${dir}/cache`,
      levels: [1, 2],
      inactiveMs: 1,
      maxBytes: 1,
      minFreeBytes: 0,
      at: '',
    }).pathOf(digestOf(key));
});
