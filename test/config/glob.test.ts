// The patterns of include, on a temporary directory.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { glob } from '../../src/config/glob.ts';

const FILES = [
  'b.conf',
  'a.conf',
  '.hidden.conf',
  'A.conf',
  'x-y',
  'x]y',
  'x[y',
  'x^y',
  'd/1.conf',
  'd-e/1.conf',
  'd/deep/1.conf',
  'é.conf',
];

describe('glob', () => {
  let base = '';
  beforeAll(() => {
    base = mkdtempSync(join(tmpdir(), 'lbproxy-glob[x]-'));
    for (const file of FILES) {
      mkdirSync(dirname(join(base, file)), { recursive: true });
      writeFileSync(join(base, file), '');
    }
  });
  afterAll(() => rmSync(base, { recursive: true }));

  it.each([
    ['*.conf', ['A.conf', 'a.conf', 'b.conf', 'é.conf']],
    ['.*.conf', ['.hidden.conf']],
    ['?.conf', ['A.conf', 'a.conf', 'b.conf', 'é.conf']],
    ['[a-b].conf', ['a.conf', 'b.conf']],
    ['[!a].conf', ['A.conf', 'b.conf', 'é.conf']],
    ['[^a-bA].conf', ['é.conf']],
    ['[z-a].conf', []],
    ['[.]hidden.conf', []],
    ['x[]^-]y', ['x-y', 'x]y', 'x^y']],
    ['x[[]y', ['x[y']],
    ['x[y*', ['x[y']],
    ['*.c[]nf', []],
    ['*/1.conf', ['d-e/1.conf', 'd/1.conf']],
    ['*/*/?.conf', ['d/deep/1.conf']],
    ['d/../[ab].conf', ['a.conf', 'b.conf']],
    ['none/*.conf', []],
    ['a.conf/*', []],
    ['(a|b).co+?', []],
  ])('%s', (pattern, want) => {
    expect(glob(base, pattern)).toEqual(want.map((name) => join(base, name)));
  });

  it('takes an absolute pattern', () => {
    expect(glob('/nowhere', join(base, '[b].conf').replace('[x]', '*'))).toEqual([join(base, 'b.conf')]);
  });
});
