// What is done of an upgrade where the system starts no process.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startNewBinary } from '../../../src/cli/nginx/upgrade.ts';
import type { Log } from '../../../src/observe/error-log.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-upgrade-'));
afterEach(() => {
  delete process.env.LBPROXY_TOO_LONG;
  rmSync(dir, { recursive: true, force: true });
});

it.skipIf(process.platform !== 'linux')('the pid file is back when no process can be started', () => {
  const pidFile = join(dir, 'nginx.pid');
  writeFileSync(pidFile, '1\n');
  // Longer than the kernel lets one variable be: E2BIG, which Node throws.
  process.env.LBPROXY_TOO_LONG = 'x'.repeat(200_000);
  const lines: string[] = [];
  const log = { alert: (text: string) => void lines.push(text) } as Partial<Log> as Log;
  expect(startNewBinary({ log, pidFile, sockets: new Map(), onFailed: () => {} })).toBe(null);
  expect(readFileSync(pidFile, 'utf8')).toBe('1\n');
  expect(existsSync(`${pidFile}.oldbin`)).toBe(false);
  expect(lines).toEqual([expect.stringMatching(/^spawn\(\) ".*" failed \(7: .+\)$/)]);
});
