// Files that are ours alone: whole, with their mode, in the place of whatever was prepared under their name.
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modeText, readPlainFile, replaceFile } from '../../src/shared/replace-file.ts';
import { runNode } from '../support/run-node.ts';

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  path = join(dir, 'file');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('a file is replaced', () => {
  it.each([0o600, 0o644, 0o640])('with mode %o exactly, whatever the umask', async (mode) => {
    const from = JSON.stringify(new URL('../../src/shared/replace-file.ts', import.meta.url).href);
    for (const umask of ['000', '077', '777']) {
      const code = `const { replaceFile } = await import(${from}); replaceFile(${JSON.stringify(path)}, '${umask}', ${mode});`;
      await runNode(code, `umask ${umask}`);
      expect(lstatSync(path).mode & 0o7777).toBe(mode);
      expect(readFileSync(path, 'utf8')).toBe(umask);
    }
    expect(readdirSync(dir)).toEqual(['file']);
  });

  it('as is a link, not what the link leads to', () => {
    writeFileSync(join(dir, 'victim'), 'untouched');
    symlinkSync(join(dir, 'victim'), path);
    replaceFile(path, 'text', 0o644);
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('text');
    expect(readFileSync(join(dir, 'victim'), 'utf8')).toBe('untouched');
  });

  it('or nothing is left behind', () => {
    mkdirSync(path);
    expect(() => replaceFile(path, 'text', 0o644)).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(() => replaceFile(join(dir, 'none', 'file'), 'text', 0o644)).toThrow(/ENOENT/);
    expect(readdirSync(dir)).toEqual(['file']);
  });
});

describe('reading', () => {
  it('gives a regular file with what the system knows of it', () => {
    writeFileSync(path, 'text', { mode: 0o600 });
    const { stat, text } = readPlainFile(path);
    expect([text, modeText(stat)]).toEqual(['text', '0600']);
  });

  it('neither follows a link nor waits for a FIFO', async () => {
    writeFileSync(join(dir, 'other'), 'text');
    symlinkSync(join(dir, 'other'), path);
    expect(() => readPlainFile(path)).toThrow(/ELOOP/);
    await runNode('', `mkfifo ${dir}/fifo`);
    expect(() => readPlainFile(join(dir, 'fifo'))).toThrow(/no regular file/);
    expect(() => readPlainFile(dir)).toThrow(/no regular file/);
  });
});
