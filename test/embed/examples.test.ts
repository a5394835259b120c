// The examples of docs/EMBEDDING.md run as they stand; Vite's, against a stand-in for Vite, and through the type checker.
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { deadPort, startUpstream, type TestPeer } from '../support/upstream.ts';
import { ask, bodies } from './app.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const own = <T extends { close(): Promise<void> }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const example = (name: string): string => here(`../../docs/examples/embedding/${name}`);

/** Spawns a script that prints `listening on <port>`. */
async function run(script: string, ...args: string[]): Promise<number> {
  const argv = ['--import', here('from-source.mjs'), script, ...args];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  own({
    close: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(Number(/listening on (\d+)/.exec(String(line))?.[1])));
    child.once('exit', () => reject(new Error(`the example ended: ${errors}`)));
  });
}

const echo = async (name: string): Promise<TestPeer> => {
  const peer = await startUpstream((req, res) => res.end(`${name} ${req.url}`));
  const wss = new WebSocketServer({ server: peer.server });
  wss.on('connection', (socket) => socket.on('message', (data) => socket.send(`${name} ${data}`)));
  return own({
    ...peer,
    close: async () => {
      for (const socket of wss.clients) socket.terminate();
      await peer.close();
    },
  });
};

const say = (url: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const client = new WebSocket(url);
    client.on('open', () => client.send(text));
    client.on('message', (data) => {
      client.terminate();
      resolve(String(data));
    });
    client.on('error', reject);
  });

describe('examples of embedding', () => {
  it('node-http.mjs balances, fails over and shows its peers', async () => {
    const [a, b] = [await echo('a'), await echo('b')];
    const dead = `127.0.0.1:${await deadPort()}`;
    const port = await run(example('node-http.mjs'), '0', dead, a.address, b.address);
    expect(await bodies(port, 4, { path: '/x' })).toEqual(['a /x', 'b /x', 'a /x', 'b /x']);
    expect(await say(`ws://127.0.0.1:${port}/`, 'hi')).toBe('a hi');
    const peers = JSON.parse((await ask(port, { path: '/status' })).body) as {
      name: string;
      state: string;
    }[];
    expect(peers[0]).toMatchObject({ name: dead, state: 'failing' });
    const alone = await run(example('node-http.mjs'), '0', dead);
    expect(await ask(alone)).toMatchObject({ status: 502, body: 'Nobody is in.\n' });
  });

  it('express-style.mjs gives errors to next', async () => {
    const a = await echo('a');
    const port = await run(example('express-style.mjs'), '0', a.address);
    expect((await ask(port, { path: '/api/x' })).body).toBe('a /api/x');
    expect((await ask(port, { path: '/other' })).status).toBe(404);
    expect(await say(`ws://127.0.0.1:${port}/api/`, 'hi')).toBe('a hi');
    const dead = await run(example('express-style.mjs'), '0', `127.0.0.1:${await deadPort()}`);
    const answer = await ask(dead, { path: '/api/x' });
    expect(answer.status).toBe(502);
    expect(answer.body).toContain('connect_refused');
  });

  it('vite.config.example.ts works where Vite would call it', async () => {
    const a = await echo('a');
    const port = await run(here('vite-stub.mjs'), example('vite.config.example.ts'), '0', a.address);
    expect((await ask(port, { path: '/api/x' })).body).toBe('a /api/x');
    expect((await ask(port, { path: '/main.ts' })).body).toBe('vite');
    expect(await say(`ws://127.0.0.1:${port}/api/`, 'hi')).toBe('a hi');
  });

  it.each(['{}', '{ "type": "module" }'])(
    'Vite itself loads it without a word in a project of %s',
    async (project) => {
      const dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
      writeFileSync(join(dir, 'package.json'), project);
      mkdirSync(join(dir, 'node_modules'));
      symlinkSync(here('../..'), join(dir, 'node_modules', 'lbproxy'), 'dir');
      copyFileSync(example('vite.config.example.ts'), join(dir, 'vite.config.ts'));
      const code = `const { loadConfigFromFile } = await import('vite');
      const at = { command: 'serve', mode: 'development' };
      const loaded = await loadConfigFromFile(at, ${JSON.stringify(join(dir, 'vite.config.ts'))});
      console.log(loaded.config.plugins[0].name);`;
      const args = ['--import', here('from-source.mjs'), '--input-type=module', '-e', code];
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
        cwd: here('..'),
        // Vite has a word on every project that says nothing of its modules.
        env: { ...process.env, NO_COLOR: '1', VITE_CONFIG_NATIVE_IGNORE_WARNING: 'true' },
      });
      rmSync(dir, { recursive: true });
      expect(stdout).toBe('balanced\n');
      expect(stderr).toBe('');
    },
  );

  it('vite.config.example.ts passes the type checker', async () => {
    const tsc = here('../../node_modules/.bin/tsc');
    const checked = promisify(execFile)(tsc, ['--noEmit', '-p', here('vite-example.tsconfig.json')]);
    await expect(checked).resolves.toMatchObject({ stdout: '' });
  });
});
