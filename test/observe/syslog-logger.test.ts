// Lines for the machine's own syslog go through `logger`: one that cannot run is not started for each line, and no line becomes two.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SyslogSender } from '../../src/observe/syslog-sender.ts';
import { until } from '../support/http-client.ts';

const path = process.env.PATH;
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  process.env.PATH = `${dir}${delimiter}${path}`;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(dir, { recursive: true, force: true });
});

const read = (file: string): string =>
  existsSync(join(dir, file)) ? readFileSync(join(dir, file), 'utf8') : '';

/** Stands in for the program of that name; each start writes a line to `starts`. */
function logger(script: string): void {
  writeFileSync(join(dir, 'logger'), `#!/bin/sh\necho start >> ${dir}/starts\n${script}\n`);
  chmodSync(join(dir, 'logger'), 0o755);
}

it('does not start a logger that ends at once again for each line', async () => {
  logger('exit 1');
  const sender = new SyslogSender(`syslog:server=unix:${dir}/none`);
  const since = performance.now();
  for (let i = 0; i < 20; i++) {
    sender.send(`line ${i}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await until(() => read('starts') !== '', 5000, 'the logger');
  sender.close();
  const starts = read('starts').split('\n').length - 1;
  expect(starts).toBeLessThanOrEqual(1 + Math.floor((performance.now() - since) / 1000));
});

it('starts it again after a while', async () => {
  logger(`[ -e ${dir}/works ] || { : > ${dir}/works; exit 1; }\nexec cat > ${dir}/lines`);
  const sender = new SyslogSender(`syslog:server=unix:${dir}/none`);
  sender.send('lost');
  await until(() => existsSync(join(dir, 'works')), 5000, 'the first logger');
  await until(
    () => {
      sender.send('told');
      return read('lines').includes('told');
    },
    10_000,
    'the second logger',
  );
  sender.close();
  expect(read('starts')).toBe('start\nstart\n');
});

it('makes one message of a line with line ends in it', async () => {
  logger(`exec cat > ${dir}/lines`);
  const sender = new SyslogSender(`syslog:server=unix:${dir}/none`);
  sender.send('a\n<0>b\r\nc');
  sender.send('d');
  sender.close();
  await until(() => read('lines').includes('d'), 5000, 'the lines');
  expect(read('lines')).toBe('<190>a <0>b  c\n<190>d\n');
});
