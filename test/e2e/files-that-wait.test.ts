// A FIFO where a file should be makes whoever opens it wait for somebody at its other end: that must not be the primary.
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';

const SERVER = 'worker_processes 1; http { server { listen 127.0.0.1:PORT1; return 200 on; } }';

const fifo = (lbproxy: LbproxyProcess, name: string): void => {
  execFileSync('mkfifo', [join(lbproxy.dir, name)]);
};

async function goesOn(lbproxy: LbproxyProcess): Promise<void> {
  expect((await get(lbproxy.port)).status).toBe(200);
  expect(await lbproxy.reload(SERVER)).toBe('reloaded');
  expect(await lbproxy.stop()).toEqual({ code: 0, signal: null });
}

describe('a reload', () => {
  it('refuses an include that is a FIFO', async () => {
    const lbproxy = await startLbproxy(SERVER);
    fifo(lbproxy, 'more.conf');
    expect(await lbproxy.reload(`${SERVER} include DIR/more.conf;`)).toBe('refused');
    expect(lbproxy.stderr()).toMatch(/more\.conf.*named pipe/);
    await goesOn(lbproxy);
  });

  it('refuses a configuration that is a FIFO', async () => {
    const lbproxy = await startLbproxy(SERVER);
    renameSync(lbproxy.configFile, `${lbproxy.configFile}.old`);
    execFileSync('mkfifo', [lbproxy.configFile]);
    expect(await lbproxy.reload()).toBe('refused');
    renameSync(lbproxy.configFile, `${lbproxy.configFile}.fifo`);
    await goesOn(lbproxy);
  });

  it('refuses a certificate that is a FIFO', async () => {
    const lbproxy = await startLbproxy(SERVER);
    fifo(lbproxy, 'cert.pem');
    const tls = SERVER.replace(
      'return',
      'listen 127.0.0.1:PORT1 ssl; ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/cert.pem; return',
    );
    expect(await lbproxy.reload(tls.replace('listen 127.0.0.1:PORT1;', ''))).toBe('refused');
    expect(lbproxy.stderr()).toMatch(/cert\.pem.*named pipe/);
    await goesOn(lbproxy);
  });
});

it('a file of outcomes that is a FIFO costs -s its answer and nothing else', async () => {
  const lbproxy = await startLbproxy(`pid DIR/pid; ${SERVER}`);
  rmSync(join(lbproxy.dir, 'pid.outcome'));
  fifo(lbproxy, 'pid.outcome');
  expect(await lbproxy.reload()).toBe('reloaded');
  await goesOn(lbproxy);
});
