// Where compiled code is kept: only where nobody else can put theirs, and a start is none the worse without it.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeDirectory } from '../../src/shared/code-cache.ts';
import { runLbproxy } from '../support/cli.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-code-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

const fresh = (): string => mkdtempSync(join(dir, 'cache-'));

it('is for its owner alone, whatever the umask', () => {
  const cache = fresh();
  const before = process.umask(0);
  const made = codeDirectory({ XDG_CACHE_HOME: cache });
  process.umask(before);
  expect(made).toBe(join(cache, 'lbproxy', 'code'));
  expect(statSync(join(cache, 'lbproxy', 'code')).mode & 0o777).toBe(0o700);
  // The same at the next start.
  expect(codeDirectory({ XDG_CACHE_HOME: cache })).toBe(made);
});

it('is not used where others may write, in it or above it', () => {
  for (const path of ['lbproxy/code', 'lbproxy', '']) {
    const cache = fresh();
    codeDirectory({ XDG_CACHE_HOME: cache });
    chmodSync(join(cache, path), 0o770);
    expect(codeDirectory({ XDG_CACHE_HOME: cache }), path).toBeNull();
    // In a directory as /tmp others cannot replace what is not theirs; in its own they could add.
    chmodSync(join(cache, path), 0o1777);
    expect(codeDirectory({ XDG_CACHE_HOME: cache }) === null, path).toBe(path === 'lbproxy/code');
  }
});

it('is looked at where a link leads', () => {
  const [cache, open] = [fresh(), fresh()];
  chmodSync(open, 0o777);
  mkdirSync(join(open, 'code'));
  symlinkSync(open, join(cache, 'lbproxy'));
  expect(codeDirectory({ XDG_CACHE_HOME: cache })).toBeNull();
  chmodSync(open, 0o700);
  expect(codeDirectory({ XDG_CACHE_HOME: cache })).toBe(join(open, 'code'));
});

it('is none where none can be made', () => {
  const file = join(fresh(), 'file');
  writeFileSync(file, '');
  expect(codeDirectory({ XDG_CACHE_HOME: file })).toBeNull();
});

it('is filled by a run, and of no harm when it is damaged or cannot be used', async () => {
  const cache = fresh();
  const config = join(dir, 'plain.conf');
  writeFileSync(config, 'events {}\nhttp { server { listen 127.0.0.1:0; return 204; } }\n');
  const run = async (home: string): Promise<void> => {
    const env = { NODE_COMPILE_CACHE: '', XDG_CACHE_HOME: home };
    expect(await runLbproxy(['-t', '-q', '-c', config], { env })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  };
  await run(cache);
  const kept = readdirSync(join(cache, 'lbproxy/code'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(cache, 'lbproxy/code', name))
    .filter((path) => statSync(path).isFile());
  expect(kept.length).toBeGreaterThan(5);
  for (const [i, path] of kept.entries()) writeFileSync(path, i % 2 === 0 ? '' : Buffer.alloc(5000, i));
  await run(cache);
  const refused = fresh();
  chmodSync(refused, 0o777);
  await run(refused);
  expect(existsSync(join(refused, 'lbproxy/code')) && readdirSync(join(refused, 'lbproxy/code'))).toEqual([]);
});
