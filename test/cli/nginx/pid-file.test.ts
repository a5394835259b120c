// The master's pid file: whoever waits for it connects at once, so it is there only once everything listens.
import { mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PidFile } from '../../../src/cli/nginx/pid-file.ts';
import { pause } from '../../support/http-client.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-pid-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('is not there for a moment when it is only tried', async () => {
  const seen: (string | null)[] = [];
  const watcher = watch(dir, (_event, name) => seen.push(name));
  new PidFile(join(dir, 'nginx.pid')).check();
  writeFileSync(join(dir, 'after'), '');
  await expect.poll(() => seen).toContain('after');
  await pause(50);
  watcher.close();
  expect(seen).not.toContain('nginx.pid');
  expect(readdirSync(dir)).toEqual(['after']);
});

it('that is another process’s stays as it is when it is tried, and when a start fails', () => {
  const path = join(dir, 'nginx.pid');
  writeFileSync(path, '1\n');
  const file = new PidFile(path);
  file.check();
  expect(file.remove(false)).toBe(null);
  expect(readdirSync(dir)).toEqual(['nginx.pid']);
});

it('that cannot be made is told by its own name', () => {
  const path = join(dir, 'none', 'nginx.pid');
  expect(() => new PidFile(path).check()).toThrow(`open() "${path}" failed (2: No such file or directory)`);
});
