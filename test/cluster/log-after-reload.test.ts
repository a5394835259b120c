// After a reload all parts of the primary write to the error log that the new configuration names.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startLbproxy } from '../support/lbproxy-process.ts';

const WAIT = { timeout: 10_000 };

const config = (log: string, program: string): string =>
  `error_log ${log} info; program ${program} { command "sleep 1000"; }`;

it('also the programs', async () => {
  const lbproxy = await startLbproxy(config('stderr', 'one'));
  const log = join(lbproxy.dir, 'later.log');
  const text = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  lbproxy.write(config('later.log', 'two'));
  lbproxy.signal('SIGHUP');
  await expect.poll(text, WAIT).toContain('reloaded: ');
  await expect.poll(text, WAIT).toMatch(/two started, pid \d/);
});
