// What a control server makes of callers and surroundings that mean it no good.
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ControlServer } from '../../../src/supervise/control/control-server.ts';
import { type ControlSite, openSite, unixPlan } from '../../support/control-site.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function directory(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-faults-'));
  cleanups.push(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function site(stdoutLog: string | null = null): Promise<ControlSite> {
  const opened = await openSite([{ name: 'a', command: '/bin/cat', stdoutLog, stderrLog: null }]);
  cleanups.push(() => opened.close());
  return opened;
}

function post(socketPath: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path: '/RPC2', method: 'POST' }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => resolve(Buffer.concat(pieces).toString()));
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe.skipIf(process.platform === 'win32')('ControlServer, among strangers', () => {
  it('touches nothing that lies where it could have made its socket', async () => {
    const { pool } = await site();
    const socket = path.join(directory(), 's.sock');
    const trap = `${socket}.${process.pid}`;
    fs.mkdirSync(trap);
    fs.writeFileSync(path.join(trap, 'precious'), 'x');
    const server = new ControlServer({ pool, version: '0', report: () => {} });
    cleanups.push(() => server.close());
    await server.open([{ plan: unixPlan(socket), own: false }]);
    expect(fs.readFileSync(path.join(trap, 'precious'), 'utf8')).toBe('x');
    expect(fs.readdirSync(path.dirname(socket)).sort()).toEqual(['s.sock', path.basename(trap)]);
  });

  it('leaves nothing open when the end comes while it opens', async () => {
    const { pool } = await site();
    const socket = path.join(directory(), 's.sock');
    const server = new ControlServer({ pool, version: '0', report: () => {} });
    const opening = server.open([{ plan: unixPlan(socket), own: false }]);
    await server.close();
    await expect(opening).rejects.toThrow('about to end');
    expect(fs.existsSync(socket)).toBe(false);
  });

  it('answers no call with more than the memory is for', async () => {
    const dir = directory();
    const log = path.join(dir, 'big.log');
    fs.writeFileSync(log, Buffer.alloc(20 * 1024 * 1024, 'x'));
    const { url } = await site(log);
    const param = (type: string, value: string): string => `<value><${type}>${value}</${type}></value>`;
    const member = (name: string, value: string): string => `<member><name>${name}</name>${value}</member>`;
    const args = [param('string', 'a'), param('int', '0'), param('int', '0')].join('');
    const call = `<value><struct>${member('methodName', param('string', 'supervisor.readProcessStdoutLog'))}${member('params', `<value><array><data>${args}</data></array></value>`)}</struct></value>`;
    const calls = (n: number): string =>
      `<?xml version='1.0'?><methodCall><methodName>system.multicall</methodName><params><param><value><array><data>${call.repeat(n)}</data></array></value></param></params></methodCall>`;
    const socket = url.slice('unix://'.length);
    expect((await post(socket, calls(2))).length).toBeGreaterThan(30 * 1024 * 1024);
    expect(await post(socket, calls(200))).toContain('ask for less at a time');
  });
});
