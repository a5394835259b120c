// Named pipes that a configuration names: read once somebody writes, and refused where nobody does.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { forgetPipes, readPem } from '../../src/listen/tls-files.ts';
import { readPipe } from '../../src/shared/read-pipe.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-pipe-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const pipe = join(dir, 'pipe');
let writer: ChildProcess | null = null;
/** A writer opens the pipe without waiting for who reads it, and what it writes stays. */
let reader = -1;
beforeEach(() => {
  execFileSync('mkfifo', [pipe]);
  reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
});
afterEach(() => {
  writer?.kill('SIGKILL');
  closeSync(reader);
  rmSync(pipe);
});

/** Writes in a process of its own; ready once that has opened the pipe. */
async function write(script: string): Promise<void> {
  const child = spawn('sh', ['-c', `exec >"$1"; echo ready >&2; ${script}`, 'sh', pipe], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  writer = child;
  await once(child.stderr, 'data');
}

it('gives what is written, in as many pieces as it comes', async () => {
  await write('printf one; sleep 0.1; printf two');
  expect(readPipe(pipe, 1000).toString()).toBe('onetwo');
});

it('is refused where nobody writes', () => {
  expect(() => readPipe(pipe, 1000)).toThrow(/it is a named pipe, and nobody writes into it/);
});

it('is refused where more comes than is read', async () => {
  await write('head -c 5000 /dev/zero');
  expect(() => readPipe(pipe, 1000)).toThrow(/more comes out of it/);
});

it('is read once for a configuration, whoever asks', async () => {
  await write('printf secret');
  forgetPipes();
  expect(readPem(pipe).toString()).toBe('secret');
  expect(readPem(pipe).toString()).toBe('secret');
  forgetPipes();
  expect(() => readPem(pipe)).toThrow(/nobody writes into it/);
});
