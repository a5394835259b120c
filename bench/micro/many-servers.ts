// What a large configuration costs: 2,000 servers with 6,000 locations are tested, started, and read again under load. The figures of
// docs/decisions/018-a-model-by-levels.md. Of several runs the best counts: a busy machine only adds.
//   node bench/micro/many-servers.ts [--servers 2000] [--runs 3] [--main dist/main.js] [--json]
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ACCEPTORS = 2;
const CLIENTS = 8;
const RELOADS = 3;
const LIMIT_MS = 30_000;

interface Figures {
  readonly testMs: number;
  readonly startMs: number;
  readonly primaryMb: number;
  readonly acceptorMb: number;
  /** The longest time that a client waited for an answer, without a reload and with one. */
  readonly quietMs: number;
  readonly reloadMs: number;
  readonly requests: number;
  readonly lost: number;
}

function configText(servers: number, port: number, dir: string): string {
  const upstreams = Array.from({ length: 50 }, (_, i) => `upstream u${i} { server 127.0.0.1:${9000 + i}; }`);
  const blocks = Array.from(
    { length: servers },
    (_, i) => `server {
    listen 127.0.0.1:${port};
    server_name s${i}.example.com www.s${i}.example.com;
    client_max_body_size ${1 + (i % 20)}m;
    location / {
      proxy_pass http://u${i % 50};
      proxy_read_timeout ${30 + (i % 60)}s;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
    location /static/ { root /var/www/s${i}; expires 30d; }
    location ~ \\.(png|jpg|css)$ { root /var/www/s${i}; if ($arg_x) { return 204; } }
  }`,
  );
  return `worker_processes ${ACCEPTORS}; pid ${dir}/pid; state_path ${dir}/state; error_log ${dir}/error.log;
events {} http { access_log off; keepalive_requests 100000000;
  ${upstreams.join('\n  ')}
  server { listen 127.0.0.1:${port} default_server; return 200 ok; }
  ${blocks.join('\n  ')}
}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** One request after the other on connections that stay. */
class Clients {
  longestMs = 0;
  requests = 0;
  lost = 0;
  #ending = false;
  readonly #all: Promise<void>[];

  constructor(port: number) {
    this.#all = Array.from({ length: CLIENTS }, () => this.#client(port));
  }

  #client(port: number): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    let sentAt = 0;
    const ask = (): void => {
      sentAt = performance.now();
      socket.write('GET / HTTP/1.1\r\nHost: none.example\r\n\r\n');
    };
    socket.on('connect', ask);
    socket.on('error', () => {});
    socket.on('data', () => {
      this.longestMs = Math.max(this.longestMs, performance.now() - sentAt);
      this.requests++;
      if (this.#ending) socket.end();
      else setTimeout(ask, 1);
    });
    return new Promise((resolve) => {
      socket.on('close', () => {
        if (!this.#ending) this.lost++;
        resolve();
      });
    });
  }

  async end(): Promise<void> {
    this.#ending = true;
    await Promise.race([Promise.all(this.#all), sleep(2000)]);
  }
}

const field = (pid: number | string, name: string): string =>
  new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
const rssMb = (pid: number | string): number => Math.round(Number(field(pid, 'VmRSS')) / 1024);

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`${what} took more than ${LIMIT_MS} ms`);
    await sleep(5);
  }
}

function start(main: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The longest wait of each reload; the best of them. */
async function reloads(pid: number, errorLog: string, clients: Clients): Promise<number> {
  const done = (): number => [...readFileSync(errorLog, 'utf8').matchAll(/reloaded/g)].length;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RELOADS; i++) {
    const before = done();
    clients.longestMs = 0;
    process.kill(pid, 'SIGHUP');
    await until('a reload', () => done() > before);
    await sleep(300);
    best = Math.min(best, clients.longestMs);
  }
  return best;
}

async function run(main: string, servers: number, dir: string): Promise<Figures> {
  const port = await freePort();
  const file = join(dir, 'nginx.conf');
  writeFileSync(file, configText(servers, port, dir));
  let began = performance.now();
  const [code] = await once(start(main, ['-t', '-q', '-c', file]), 'exit');
  if (code !== 0) throw new Error('the configuration was refused');
  const testMs = performance.now() - began;
  began = performance.now();
  const lbproxy = start(main, ['-c', file]);
  const pid = lbproxy.pid ?? 0;
  try {
    let said = '';
    lbproxy.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
    });
    await until('the start', () => said.includes('ready'));
    const startMs = performance.now() - began;
    await sleep(200);
    const primaryMb = rssMb(pid);
    const acceptorMb = Math.max(...childrenOf(pid).map(rssMb));
    const clients = new Clients(port);
    await sleep(1000);
    clients.longestMs = 0;
    await sleep(1000);
    const quietMs = clients.longestMs;
    const reloadMs = await reloads(pid, join(dir, 'error.log'), clients);
    await clients.end();
    const { requests, lost } = clients;
    return { testMs, startMs, primaryMb, acceptorMb, quietMs, reloadMs, requests, lost };
  } finally {
    lbproxy.kill('SIGTERM');
    await once(lbproxy, 'exit');
  }
}

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '2000' },
    runs: { type: 'string', default: '3' },
    main: { type: 'string', default: fileURLToPath(new URL('../../dist/main.js', import.meta.url)) },
    json: { type: 'boolean', default: false },
  },
});
const dir = mkdtempSync(join(tmpdir(), 'lbproxy-many-'));
try {
  const all: Figures[] = [];
  for (let i = 0; i < Number(values.runs); i++) {
    all.push(await run(values.main, Number(values.servers), dir));
    if (!values.json) console.log(all[i]);
  }
  const least = (key: keyof Figures): number => Math.round(Math.min(...all.map((one) => one[key])) * 10) / 10;
  const best = Object.fromEntries((Object.keys(all[0]) as (keyof Figures)[]).map((key) => [key, least(key)]));
  const lost = all.reduce((sum, one) => sum + one.lost, 0);
  console.log(values.json ? JSON.stringify({ ...best, lost }) : { best: { ...best, lost } });
} finally {
  rmSync(dir, { recursive: true, force: true });
}
