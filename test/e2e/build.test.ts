// What `npm run build` makes of the sources: it works as they do, finds what it starts by name, and loads no more than it needs.
import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runLbproxy } from '../support/cli.ts';
import { childrenOf, commandOf, type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Each process writes at its end what it has loaded: its files, and the parts of Node. */
const WATCH = `import { registerHooks } from 'node:module';
const files = [];
registerHooks({ load: (url, context, next) => (files.push(url), next(url, context)) });
const { writeFileSync } = process.getBuiltinModule('fs');
process.on('exit', () => writeFileSync(\`\${process.env.LOADED_DIR}/\${process.pid}\`, JSON.stringify(
  { program: process.argv[1], files, parts: process.moduleLoadList })));`;

interface Loaded {
  readonly program: string;
  readonly files: readonly string[];
  readonly parts: readonly string[];
}

let dir = '';
let main = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-build-'));
  main = join(dir, 'dist', 'main.js');
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  writeFileSync(join(dir, 'watch.mjs'), WATCH);
  const rolldown = join(ROOT, 'node_modules/rolldown/bin/cli.mjs');
  const args = [rolldown, '-c', 'rolldown.config.ts', '-d', join(dir, 'dist'), '--logLevel', 'silent'];
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: 'pipe', timeout: 55_000 });
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** The environment of a run that is watched, and what its processes wrote. */
function watched(): { readonly env: Record<string, string>; loaded(): Loaded[] } {
  const place = mkdtempSync(join(dir, 'loaded-'));
  return {
    env: { NODE_OPTIONS: `--import ${pathToFileURL(join(dir, 'watch.mjs'))}`, LOADED_DIR: place },
    loaded: () => readdirSync(place).map((name) => JSON.parse(readFileSync(join(place, name), 'utf8'))),
  };
}

it('-v and -V load the version and nothing else', async () => {
  for (const flag of ['-v', '--version', '-V']) {
    const { env, loaded } = watched();
    const { code, stderr } = await runLbproxy([flag], { main, env });
    expect(stderr).toMatch(/^lbproxy version: lbproxy\/\d/);
    expect(code).toBe(0);
    const [{ files }] = loaded();
    expect(files.filter((url) => url.includes('/node_modules/'))).toEqual([]);
    expect(ownOf(files).length).toBeLessThan(6);
  }
});

it('-t reads few files, and none of what it has no use for', async () => {
  const { env, loaded } = watched();
  writeFileSync(join(dir, 'plain.conf'), 'events {}\nhttp { server { listen 127.0.0.1:0; return 204; } }\n');
  const { code, stderr } = await runLbproxy(['-t', '-q', '-c', join(dir, 'plain.conf')], { main, env });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const [{ files, parts }] = loaded();
  // What fifteen commands share in part is in pieces.
  expect(ownOf(files).length).toBeLessThan(60);
  expect(heavy(parts)).toEqual([]);
});

/** Those of the build. */
function ownOf(files: readonly string[]): string[] {
  return files.filter((url) => url.includes('/dist/')).map((url) => fileURLToPath(url));
}

/** Of the parts of Node those that cost a process more than a millisecond and half a megabyte, and few configurations need. */
function heavy(parts: readonly string[]): string[] {
  const names = [
    'crypto',
    'dns/promises',
    'http',
    'http2',
    'https',
    'internal/deps/undici/undici',
    'tls',
    'zlib',
  ];
  return names.filter((name) => parts.includes(`NativeModule ${name}`));
}

/** The processes that one is the ancestor of, by their command lines. */
function commandsOf(lbproxy: LbproxyProcess): string[] {
  return childrenOf(lbproxy.pid).map(commandOf);
}

it('an acceptor of a plain configuration is one file and has loaded no zlib, TLS or OpenSSL, one that compresses has zlib', async () => {
  const seen = new Map<string, string[]>();
  for (const setting of ['', 'gzip on; gzip_types *; gzip_min_length 0;']) {
    const { env, loaded } = watched();
    const text = `worker_processes 1; error_log stderr; events {}
      http { ${setting} server { listen 127.0.0.1:PORT1; location / { return 200 "as it is"; } } }`;
    const lbproxy = await startLbproxy(text, { main, env });
    const headers = { 'accept-encoding': 'gzip' };
    const response = await fetch(`http://127.0.0.1:${lbproxy.port}/`, { headers });
    expect(await response.text()).toBe('as it is');
    expect(response.headers.get('content-encoding')).toBe(setting === '' ? null : 'gzip');
    await lbproxy.stop();
    const acceptor = loaded().find(({ program }) => program.endsWith('acceptor-main.js'));
    seen.set(setting, heavy(acceptor?.parts ?? ['NativeModule nothing was written']));
    // Its entry, and the road, without the rows of directives.
    const [, road] = ownOf(acceptor?.files ?? []);
    expect(ownOf(acceptor?.files ?? []).length).toBe(2);
    expect(statSync(road).size).toBeLessThan(1_000_000);
    const primary = loaded().find(
      ({ program }) => program.endsWith('main.js') && program !== acceptor?.program,
    );
    const own = ownOf(primary?.files ?? []);
    // main.js, what starts acceptors, and the rest; what answers lbproxy ctl comes later.
    expect(own.length).toBeLessThan(10);
    // Without the road, which is a megabyte of it.
    expect(own.map((file) => statSync(file).size).reduce((a, b) => a + b, 0)).toBeLessThan(1_300_000);
    expect(heavy(primary?.parts ?? ['NativeModule nothing was written'])).toEqual([]);
    // What reads command lines a plain start has no use for.
    expect(primary?.files.filter((url) => url.includes('/commander/'))).toEqual([]);
  }
  expect([...seen.values()]).toEqual([[], ['zlib']]);
});

it('finds its acceptors, its watchdog and its thread for passwords', async () => {
  const lbproxy = await startLbproxy(
    `worker_processes 1; error_log stderr; events {}
    http { server { listen 127.0.0.1:PORT1; auth_basic here; auth_basic_user_file DIR/users;
      root DIR; } }
    program sleeper { command sleep 60; }`,
    { main, files: { page: 'in', users: `ann:${hashSync('secret', 4)}\n` } },
  );
  const ask = async (password: string): Promise<number> => {
    const authorization = `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`;
    const response = await fetch(`http://127.0.0.1:${lbproxy.port}/page`, { headers: { authorization } });
    await response.arrayBuffer();
    return response.status;
  };
  expect(await ask('secret')).toBe(200);
  expect(await ask('wrong')).toBe(401);
  for (const name of ['program/acceptor-main.js', 'program/watchdog-process.js', 'sleep 60'])
    await expect
      .poll(() => commandsOf(lbproxy).filter((command) => command.includes(name)).length, { message: name })
      .toBe(1);
});

it('gives applications the balancer', async () => {
  const { createBalancer } = await import(pathToFileURL(join(dir, 'dist/embed/index.js')).href);
  const balancer = createBalancer({ upstreams: { app: { servers: ['127.0.0.1:9'] } } });
  expect(typeof balancer.close).toBe('function');
  await balancer.close();
});
