// The same bytes through a real nginx and through our escaping must give the same log fields.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VariableLookup } from '../../src/route/template.ts';
import { freePorts } from '../support/free-ports.ts';
import { logLine } from '../support/log-line.ts';
import { stubExchange } from '../support/stub-exchange.ts';

const hasNginx = process.platform === 'linux' && spawnSync('nginx', ['-v']).status === 0;

const MODES = ['default', 'json', 'none'] as const;
const FORMAT = '[$http_x|$http_missing|$args|$request_method]';

const lookup: VariableLookup = (name) => {
  if (name === 'request_method') return (exchange) => exchange.request.method;
  if (name === 'args') return (exchange) => exchange.request.target.split('?')[1];
  if (name.startsWith('http_')) return (exchange) => exchange.request.get(name.slice(5));
  return undefined;
};

/** Every byte that may stand in a field value, some at a time, and some real strings. */
function heads(): Buffer[] {
  const allowed = Array.from({ length: 256 }, (_, code) => code).filter(
    (c) => c === 9 || (c >= 32 && c !== 127),
  );
  const groups = Array.from({ length: 26 }, (_, i) => Buffer.from(allowed.slice(i * 9, i * 9 + 9)));
  const values = [...groups, Buffer.from('Grüße \u20ac'), Buffer.from('C:\\dir\\"x"'), Buffer.from('')];
  return values.map((value, i) =>
    Buffer.concat([
      Buffer.from(`GET /?n=${i}&%22\\"x' HTTP/1.1\r\nHost: a\r\nX: a`),
      value,
      Buffer.from('z\r\nConnection: close\r\n\r\n'),
    ]),
  );
}

async function send(port: number, head: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.end(head);
  socket.resume();
  await once(socket, 'close');
}

describe.skipIf(!hasNginx)('log_format beside nginx', () => {
  let dir = '';
  let nginx: ChildProcess | undefined;
  let port = 0;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lbproxy-log-'));
    [port] = await freePorts(1);
    const formats = MODES.map(
      (m) => `log_format f_${m} escape=${m} '${FORMAT}'; access_log ${dir}/${m}.log f_${m};`,
    );
    writeFileSync(
      join(dir, 'nginx.conf'),
      `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
       events { } http { ${formats.join('\n')} ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${dir}/${n};`).join(' ')}
       server { listen 127.0.0.1:${port}; location / { return 204; } } }`,
    );
    nginx = spawn('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf')], { stdio: 'ignore' });
    for (let tries = 0; tries < 100; tries++) {
      const up = await send(port, Buffer.from('GET /up HTTP/1.0\r\n\r\n')).then(
        () => true,
        () => false,
      );
      if (up) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`nginx did not start: ${readFileSync(join(dir, 'error.log'), 'utf8')}`);
  });

  afterAll(async () => {
    if (nginx !== undefined && nginx.exitCode === null) {
      nginx.kill('SIGTERM');
      await once(nginx, 'exit');
    }
    rmSync(dir, { recursive: true, force: true });
  });

  it('escapes every field byte alike in all modes', async () => {
    const sent = heads();
    for (const head of sent) await send(port, head);
    for (const mode of MODES) {
      const lines = readFileSync(join(dir, `${mode}.log`), 'latin1')
        .split('\n')
        .slice(1, -1);
      const line = logLine({ name: mode, escape: mode, text: FORMAT }, lookup);
      expect(lines).toEqual(sent.map((head) => line(stubExchange(head))));
    }
  });
});
