import { closeSync, existsSync, mkdtempSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PipeEnds, PipeSource } from '../../src/supervise/stdio-pipes.ts';

/** What os.tmpdir() gives within a test. */
let temporary = '';
const before = process.env.TMPDIR;
const cleanups: (() => void)[] = [];
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'lbproxy-pipes-test-'));
  process.env.TMPDIR = temporary;
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  rmSync(temporary, { recursive: true, force: true });
});

function opened(): PipeSource {
  const source = new PipeSource();
  cleanups.push(() => source.close());
  return source;
}

/** What goes in at the child's end comes out at ours. */
function passes(pipe: PipeEnds | null): boolean {
  if (pipe === null) return false;
  cleanups.push(() => {
    closeSync(pipe.ours);
    closeSync(pipe.child);
  });
  writeSync(pipe.child, 'x');
  return readSync(pipe.ours, Buffer.alloc(8)) === 1;
}

describe.skipIf(process.platform === 'win32')('PipeSource', () => {
  it('goes on where its directory was tidied away, once or file by file', () => {
    const source = opened();
    expect(passes(source.output(null))).toBe(true);
    for (const name of readdirSync(temporary)) rmSync(join(temporary, name), { recursive: true });
    expect(passes(source.output(null))).toBe(true);
    for (const name of readdirSync(temporary, { recursive: true }) as string[])
      rmSync(join(temporary, name), { force: true, recursive: true });
    expect(source.input(null)).not.toBeNull();
    expect(passes(source.output(null))).toBe(true);
  });

  it('makes none while there is nowhere to, and makes them again once there is', () => {
    const source = opened();
    process.env.TMPDIR = join(temporary, 'missing');
    expect(source.output(null)).toBeNull();
    process.env.TMPDIR = temporary;
    expect(passes(source.output(null))).toBe(true);
  });

  it('gives nobody a name to guess, and leaves nothing', () => {
    const source = opened();
    source.output(null);
    const [directory = ''] = readdirSync(temporary);
    for (const name of readdirSync(join(temporary, directory))) expect(name).toMatch(/^[0-9a-f]{18}$/);
    source.close();
    expect(existsSync(join(temporary, directory))).toBe(false);
  });
});
