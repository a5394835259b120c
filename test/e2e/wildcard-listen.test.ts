// `listen 80;` beside `listen 127.0.0.1:80;`: one socket, in a start and over reloads, and what cannot be is said by -t.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runLbproxy } from '../support/cli.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';

const ALL = 'server { listen PORT1; return 200 "all"; }';
const ONE = 'server { listen 127.0.0.1:PORT1; return 200 "one"; }';
const config = (servers: string): string => `worker_processes 2; http { ${servers} }`;

async function bodyOf(host: string, port: number): Promise<string> {
  const answer = await fetch(`http://${host}:${port}/`, { headers: { Connection: 'close' } });
  return answer.text();
}

it('starts, and servers of an address come and go with reloads', async () => {
  const lbproxy = await startLbproxy(config(ALL + ONE));
  const told = async (): Promise<string[]> => [
    await bodyOf('127.0.0.1', lbproxy.port),
    await bodyOf('127.0.0.2', lbproxy.port),
  ];
  expect(await told()).toEqual(['one', 'all']);
  expect(await lbproxy.reload(config(ALL))).toBe('reloaded');
  expect(await told()).toEqual(['all', 'all']);
  expect(await lbproxy.reload(config(ONE.replace('one', 'own') + ALL))).toBe('reloaded');
  expect(await told()).toEqual(['own', 'all']);
});

it('a connection that stays gets the servers of its address as they are now', async () => {
  const lbproxy = await startLbproxy(config(ALL + ONE));
  const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${lbproxy.port}/`)).text();
  expect(await ask()).toBe('one');
  expect(await lbproxy.reload(config(ALL + ONE.replace('one', 'new')))).toBe('reloaded');
  expect(await ask()).toBe('new');
  expect(await lbproxy.reload(config(ALL))).toBe('reloaded');
  expect(await ask()).toBe('all');
});

describe('-t refuses what a start could not bind or serve, at its listen', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-listen-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each([
    [
      'listen 9100;\nlisten [::]:9100 ipv6only=off;',
      '1:24: *:9100 is taken already by [::]:9100 (at a.conf:2:8), which has IPv4 too: remove ipv6only=off there, or this line',
    ],
    [
      'listen [::]:9100 ipv6only=off;\nlisten 127.0.0.1:9100;',
      '2:8: 127.0.0.1:9100 is taken already by [::]:9100 (at a.conf:1:24), which has IPv4 too: remove ipv6only=off there, or this line',
    ],
    [
      'listen 9100;\nlisten app.example:9100;',
      '2:8: app.example:9100 is served by the socket of *:9100 (at a.conf:1:24): write the address of "app.example" as a number',
    ],
    [
      'listen 9100;\nlisten 127.0.0.1:9100 ssl; ssl_certificate self-signed;',
      '2:8: 127.0.0.1:9100 is served by the socket of *:9100 (at a.conf:1:24), which has no ssl: write ssl at both, or choose another port',
    ],
    [
      'listen no-such-host.invalid:9100;\n',
      expect.stringMatching(
        /^1:24: cannot listen on no-such-host\.invalid:9100: the host name does not resolve \([A-Z_]+\); write the address as a number$/,
      ),
    ],
    [
      'listen localhost:9100;\nlisten 127.0.0.1:9100;',
      '2:8: this server listens on 127.0.0.1:9100 twice; remove one',
    ],
    ['listen [::1]:9100;\nlisten [0:0::1]:9100;', '2:8: this server listens on [::1]:9100 twice; remove one'],
  ])('%j', async (listens, problem) => {
    writeFileSync(join(dir, 'a.conf'), `http { server { ${listens} return 204; } }`);
    const { code, stderr } = await runLbproxy(['-t', '-q', '-c', 'a.conf'], {
      cwd: dir,
      env: { XDG_STATE_HOME: dir },
    });
    const problems = [...stderr.matchAll(/^a\.conf:(\d+:\d+: .*)$/gm)].map(([, text]) => text);
    expect(problems).toEqual([problem]);
    expect(code).toBe(1);
  });

  it.each([
    'listen 9100; listen [::]:9100; listen [::1]:9100; listen 127.0.0.1:9100;',
    'listen [::]:9100 ipv6only=off; listen [::1]:9100;',
    'listen 127.0.0.1:9100; listen 127.0.0.2:9100 ssl; ssl_certificate self-signed;',
  ])('%s is good', async (listens) => {
    writeFileSync(join(dir, 'a.conf'), `http { server { ${listens} return 204; } }`);
    const env = { XDG_STATE_HOME: dir };
    expect(await runLbproxy(['-t', '-q', '-c', 'a.conf'], { cwd: dir, env })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});
