// Locks of a cache: whose they are, and when they are nobody's any more.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CachePlace } from '../../src/cache/place.ts';

let dir = '';
let place: CachePlace;
let path = '';
const NEVER = Number.POSITIVE_INFINITY;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cache-lock-'));
  place = new CachePlace({
    name: 'one',
    directory: dir,
    levels: [],
    inactiveMs: 60_000,
    maxBytes: NEVER,
    minFreeBytes: 0,
    at: '',
  });
  path = place.pathOf('0'.repeat(32));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a lock', () => {
  it('is had by one', () => {
    const lock = place.lock(path, NEVER);
    expect(lock).not.toBeNull();
    expect(place.lock(path, NEVER)).toBeNull();
    expect(place.isLocked(path, NEVER)).toBe(true);
    if (lock !== null) place.unlock(lock);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('of a process that is no more is nobody’s', () => {
    // Above every pid that there can be.
    writeFileSync(`${path}.lock`, '2147483647 1 1');
    expect(place.isLocked(path, NEVER)).toBe(false);
    expect(place.lock(path, NEVER)).not.toBeNull();
  });

  it.each([
    ['this process', process.pid],
    ['its parent', process.ppid],
  ])('whose pid is now that of %s is nobody’s', (_who, pid) => {
    writeFileSync(`${path}.lock`, `${pid} 1 1`);
    expect(place.isLocked(path, NEVER)).toBe(false);
    expect(place.lock(path, NEVER)).not.toBeNull();
  });

  it('that is not written yet is somebody’s', () => {
    writeFileSync(`${path}.lock`, '');
    expect(place.lock(path, NEVER)).toBeNull();
  });

  it('that was taken over is not given back by who had it before', () => {
    const first = place.lock(path, NEVER);
    const second = place.lock(path, 0);
    if (first !== null) place.unlock(first);
    expect(second).not.toBeNull();
    expect(place.isLocked(path, NEVER)).toBe(true);
    if (second !== null) place.unlock(second);
    expect(place.isLocked(path, NEVER)).toBe(false);
  });

  it('of a process without /proc is believed', () => {
    writeFileSync(`${path}.lock`, `${process.pid} - 1`);
    expect(place.lock(path, NEVER)).toBeNull();
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(`${process.pid} - 1`);
  });
});
