// Unix sockets and IPv6 on both sides: as listening addresses of several acceptors, over reloads, and as peers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { get, until } from '../support/http-client.ts';
import { type LbproxyProcess, spawnLbproxy, startLbproxy } from '../support/lbproxy-process.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function getUnix(socketPath: string, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path, agent: false }, (res) => {
      let text = '';
      res.on('data', (chunk) => (text += chunk));
      res.on('end', () => resolve(text));
    });
    req.on('error', reject);
    req.end();
  });
}

const CONFIG = (text: string): string => `worker_processes 2; error_log stderr;
  http { server { listen unix:DIR/lb.sock; listen [::1]:PORT1; listen 127.0.0.1:PORT1; location / { return 200 "${text} $remote_addr"; } } }`;

const socketOf = (lbproxy: LbproxyProcess): string => join(lbproxy.dir, 'lb.sock');

it('serves a Unix socket and both families, over reloads and the death of acceptors, and removes the file', async () => {
  const lbproxy = await startLbproxy(CONFIG('one'));
  const path = socketOf(lbproxy);
  expect(statSync(path).mode & 0o777).toBe(0o666);
  expect(await getUnix(path)).toBe('one unix:');
  expect((await get(lbproxy.port)).body).toBe('one 127.0.0.1');
  expect(await (await fetch(`http://[::1]:${lbproxy.port}/`)).text()).toBe('one ::1');
  expect(await lbproxy.reload(CONFIG('two'))).toBe('reloaded');
  for (let i = 0; i < 10; i++) expect(await getUnix(path)).toBe('two unix:');
  const [victim, other] = lbproxy.acceptorPids();
  process.kill(victim, 'SIGKILL');
  await lbproxy.acceptors(2, [victim]);
  process.kill(other, 'SIGKILL');
  await lbproxy.acceptors(2, [victim, other]);
  await until(() => lbproxy.stderr().includes('a new one starts'), 3000, 'the new acceptors');
  for (let i = 0; i < 10; i++) expect(await getUnix(path)).toBe('two unix:');
  lbproxy.signal('SIGQUIT');
  expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
  expect(existsSync(path)).toBe(false);
});

it('takes the place of a socket file that nobody listens on, and of no other', async () => {
  const first = await startLbproxy(CONFIG('first'));
  const path = socketOf(first);
  const second = await spawnLbproxy(`http { server { listen unix:${path}; } }`);
  expect((await second.exited).code).toBe(1);
  expect(second.stderr()).toMatch(new RegExp(`pid ${first.pid} .* listens there already`));
  expect(await getUnix(path)).toBe('first unix:');

  const file = join(second.dir, 'notes.txt');
  writeFileSync(file, 'precious');
  const third = await spawnLbproxy(`http { server { listen unix:${file}; } }`);
  expect((await third.exited).code).toBe(1);
  expect(third.stderr()).toMatch(/it is no socket/);
  expect(readFileSync(file, 'utf8')).toBe('precious');

  const left = join(second.dir, 'left.sock');
  const gone = spawn(process.execPath, [
    '-e',
    `require('node:net').createServer().listen(${JSON.stringify(left)})`,
  ]);
  await until(() => existsSync(left), 5000, 'the socket');
  gone.kill('SIGKILL');
  await once(gone, 'exit');
  const fourth = await startLbproxy(
    `http { server { listen unix:${left}; location / { return 200 fourth; } } }`,
  );
  expect(await getUnix(left)).toBe('fourth');
  await fourth.stop();
});

it('reaches peers on a Unix socket and on IPv6', async () => {
  const lbproxy =
    await startLbproxy(`worker_processes 1; http { upstream u { server unix:DIR/app.sock; server [::1]:PORT2; }
    server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } location /direct/ { proxy_pass http://unix:DIR/app.sock:/x/; } } }`);
  for (const [name, where] of [
    ['unix', { path: join(lbproxy.dir, 'app.sock') }],
    ['v6', { host: '::1', port: lbproxy.ports[1] }],
  ] as const) {
    const server = createServer((req, res) => res.end(`${name} ${req.url}`));
    await new Promise<void>((resolve) => server.listen(where, resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
  }
  const bodies = [];
  for (let i = 0; i < 4; i++) bodies.push((await get(lbproxy.port, '/a')).body);
  expect(bodies).toEqual(['unix /a', 'v6 /a', 'unix /a', 'v6 /a']);
  expect((await get(lbproxy.port, '/direct/b')).body).toBe('unix /x/b');
});

it('leaves out a peer whose name does not resolve, says so, and starts', async () => {
  const peer = createServer((_req, res) => res.end('here'));
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  closing.push(() => peer.close());
  const { port } = peer.address() as { port: number };
  const lbproxy = await startLbproxy(`worker_processes 1; http {
    upstream u { server no-such-name.invalid:80; server localhost:${port}; }
    server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } location /gone { proxy_pass http://no-such-name.invalid; } } }`);
  for (let i = 0; i < 4; i++) expect((await get(lbproxy.port)).body).toBe('here');
  expect((await get(lbproxy.port, '/gone')).status).toBe(502);
  expect(lbproxy.stderr()).toMatch(/no-such-name\.invalid.*does not resolve/);
});
