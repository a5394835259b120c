// Every quickstart does what it says: its files are written, its command is run, what it asks is asked, and what it shows is seen.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/http-client.ts';
import { MAIN } from '../support/main-file.ts';
import { phpFpm } from '../support/php-fpm.ts';
import { type Quickstart, readQuickstart } from './quickstart-page.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = join(ROOT, 'docs/quickstarts');
const pages = readdirSync(PAGES).filter((name) => name !== 'README.md');

/** What a page needs of the machine: modules of Debian's Python, PHP. */
const NEEDS: Readonly<Record<string, () => boolean>> = {
  'django.md': () => hasPython('django'),
  'flask.md': () => hasPython('flask'),
  'fastapi.md': () => hasPython('fastapi, uvicorn'),
  'tornado.md': () => hasPython('tornado'),
  'php.md': () => phpFpm !== '',
};

function hasPython(modules: string): boolean {
  const has = spawnSync('/usr/bin/python3', ['-c', `import ${modules}`]).status === 0;
  if (!has && process.env.CI) throw new Error(`python3 has no ${modules}: in CI every quickstart must run`);
  if (!has) console.warn(`\n*** python3 has no ${modules}: its quickstart is SKIPPED ***\n`);
  return has;
}

/** WebSockets that pass, as the pages say. */
const SOCKETS: Readonly<Record<string, { readonly path: string; readonly protocol?: string }>> = {
  'tornado.md': { path: '/echo' },
  'next.md': { path: '/_next/webpack-hmr' },
  'vite.md': { path: '/', protocol: 'vite-ping' },
  'socket-io.md': { path: '/socket.io/?EIO=4&transport=websocket' },
};

const TRIES = 40;
const BETWEEN_MS = 300;

class Site {
  readonly dir = mkdtempSync(join(tmpdir(), 'lbproxy-quickstart-'));
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  said = '';

  constructor({ files }: Quickstart) {
    const path = [join(this.dir, 'bin'), '/usr/sbin', '/usr/bin', '/bin'].join(':');
    this.#env = { ...process.env, PATH: path, XDG_STATE_HOME: join(this.dir, 'state') };
    for (const [name, text] of files) this.#write(name, name === 'php-fpm.conf' ? withUser(text) : text);
    mkdirSync(join(this.dir, 'bin'));
    symlinkSync(process.execPath, join(this.dir, 'bin/node'));
    const asRoot = process.getuid?.() === 0 ? '-R ' : '';
    this.#write('bin/php-fpm', `#!/bin/sh\nexec ${phpFpm} ${asRoot}"$@"\n`);
    chmodSync(join(this.dir, 'bin/php-fpm'), 0o755);
    this.#addModules();
  }

  #write(name: string, text: string): void {
    mkdirSync(dirname(join(this.dir, name)), { recursive: true });
    writeFileSync(join(this.dir, name), text);
  }

  /** As `npm install` would: Vite is here, the others have stand-ins. */
  #addModules(): void {
    const modules = join(this.dir, 'node_modules');
    mkdirSync(join(modules, '.bin'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules/vite'), join(modules, 'vite'));
    symlinkSync(join(ROOT, 'node_modules/vite/bin/vite.js'), join(modules, '.bin/vite'));
    for (const [name, file] of [
      ['express', 'express.mjs'],
      ['socket.io', 'socket-io.mjs'],
    ]) {
      this.#write(`node_modules/${name}/package.json`, '{ "type": "module", "exports": "./index.mjs" }');
      copyFileSync(standIn(file), join(modules, name, 'index.mjs'));
    }
    copyFileSync(standIn('next.mjs'), join(modules, '.bin/next'));
    chmodSync(join(modules, '.bin/next'), 0o755);
  }

  /** The page's command; one acceptor is enough here. */
  start([program, ...args]: readonly string[]): void {
    if (program !== 'lbproxy') throw new Error(`the page starts ${program}`);
    const words = [MAIN, ...args, '--directives', 'worker_processes 1;'];
    const child = spawn(process.execPath, words, {
      cwd: this.dir,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.said += text));
  }

  /** Apps may still be starting: asked again until it is so. */
  async shows({ script, seen }: Quickstart): Promise<string> {
    let shown = '';
    const asked = async (): Promise<boolean> => {
      const shell = spawn('/bin/sh', ['-c', script], { cwd: this.dir, env: this.#env, timeout: 30_000 });
      let printed = '';
      for (const stream of [shell.stdout, shell.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
      await once(shell, 'close');
      shown = printed.replaceAll('\r', '').trimEnd();
      return shown === seen || this.#child?.exitCode !== null;
    };
    // It is told what was shown last.
    for (let i = 0; i < TRIES && !(await asked()); i++)
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    return shown;
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return rmSync(this.dir, { recursive: true, force: true });
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), 8000);
    await closed;
    clearTimeout(timer);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const standIn = (file: string): string => fileURLToPath(new URL(`stand-ins/${file}`, import.meta.url));

/** PHP-FPM asks root for the user that its processes have. */
function withUser(text: string): string {
  return process.getuid?.() === 0 ? text.replace('[www]', '[www]\nuser = root') : text;
}

function opens(port: number, { path, protocol }: { readonly path: string; readonly protocol?: string }) {
  const url = `ws://127.0.0.1:${port}${path}`;
  const headers = { Host: `localhost:${port}`, Origin: `http://localhost:${port}` };
  const socket = new WebSocket(url, protocol === undefined ? [] : [protocol], { headers });
  return new Promise<string>((resolve) => {
    socket.on('open', () => {
      socket.terminate();
      resolve('open');
    });
    socket.on('error', (error) => resolve(error.message));
  });
}

describe.concurrent('a quickstart', () => {
  for (const page of pages)
    it.runIf(NEEDS[page]?.() ?? true)(`${page} does what it says`, async ({ expect, onTestFinished }) => {
      const ports = await freePorts(6);
      const written = ['8001', '8002', '8003', '8004', '8080', '8443'];
      const text = readFileSync(join(PAGES, page), 'utf8');
      const quickstart = readQuickstart(text, new Map(written.map((port, i) => [port, ports[i]])));
      const site = new Site(quickstart);
      onTestFinished(() => site.end());
      site.start(quickstart.command);
      await until(() => site.said.includes('is ready'), 40_000, 'lbproxy').catch(() => {});
      expect(await site.shows(quickstart), site.said.slice(-2000)).toBe(quickstart.seen);
      const socket = SOCKETS[page];
      if (socket !== undefined) expect(await opens(ports[4], socket), site.said.slice(-2000)).toBe('open');
    });

  it('stands in the list', ({ expect }) => {
    const list = readFileSync(join(PAGES, 'README.md'), 'utf8');
    expect([...list.matchAll(/\]\((\S+)\)/g)].map(([, page]) => page).sort()).toEqual(pages.sort());
  });
});
