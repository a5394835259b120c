// What it costs to look on: CPU of an acceptor per plain request with nothing, with traffic counted, with the inspector, and with the live
// view open as a browser has it. Rounds are interleaved and the ratios of each round compared, so that a busy machine disturbs all alike.
// One core for lbproxy, one for wrk and the peers.
//   node bench/micro/looked-at.ts [--rounds 10] [--seconds 2] [--connections 32] [--main dist/main.js] [--only inspector]
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort, listening } from '../contenders/contender.ts';
import { type Cpu, measureCpu } from '../measure.ts';
import { pinned } from '../pin.ts';

interface WayOptions {
  readonly main: string;
  readonly http: string;
  /** A browser has the live view open. */
  readonly opens: boolean;
  /** What it is compared with. */
  readonly base: string;
}

const VIEWED = { main: 'inspector 32m; live_view 127.0.0.1:VIEW;', http: 'count_traffic on;' };
const WAYS: Readonly<Record<string, WayOptions>> = {
  off: { main: '', http: '', opens: false, base: 'off' },
  counted: { main: '', http: 'count_traffic on;', opens: false, base: 'off' },
  inspector: { main: 'inspector 32m;', http: '', opens: false, base: 'off' },
  closed: { ...VIEWED, opens: false, base: 'off' },
  open: { ...VIEWED, opens: true, base: 'closed' },
};

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36';

interface Way {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  readonly acceptor: number;
  /** µs per request, user and system, of each round. */
  readonly rounds: Cpu[];
  close(): void;
}

function spawnPinned(part: 'contender' | 'load', command: readonly string[]): ChildProcess {
  const [program, ...args] = pinned(part, command);
  return spawn(program, args, { stdio: 'ignore' });
}

async function startWay(name: string, main: string, peers: readonly number[], dir: string): Promise<Way> {
  const [port, view] = [await freePort(), await freePort()];
  const { main: inMain, http, opens } = WAYS[name];
  const home = join(dir, name);
  mkdirSync(home);
  const servers = peers.map((peer) => `server 127.0.0.1:${peer};`).join(' ');
  const file = join(home, 'nginx.conf');
  writeFileSync(
    file,
    `worker_processes 1; pid ${home}/pid; state_path ${home}/state; error_log ${home}/error.log;
${inMain.replace('VIEW', String(view))}
events {} http { access_log off; keepalive_requests 1000000000; ${http}
  upstream peers { ${servers} keepalive 128; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://peers; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`,
  );
  const child = spawnPinned('contender', [process.execPath, main, '-c', file]);
  await listening(port);
  await sleep(500);
  const [acceptor] = childrenOf(child.pid ?? 0);
  const close = opens ? openView(view, join(home, 'state')) : () => {};
  return { name, port, process: child, acceptor, rounds: [], close };
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** Reads what the page reads, with the list of requests shown. */
function openView(port: number, state: string): () => void {
  const file =
    readdirSync(state).find((name) => name.startsWith('live-view-') && name.endsWith('.url')) ?? '';
  const url = new URL(readFileSync(join(state, file), 'utf8').split('\n')[0]);
  const token = url.hash.slice(1);
  const ending = new AbortController();
  const headers = { Authorization: `Bearer ${token}` };
  void (async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/stream?filter=`, {
      headers,
      signal: ending.signal,
    });
    if (answer.status !== 200 || answer.body === null)
      throw new Error(`the live view answered ${answer.status}`);
    for await (const _ of answer.body);
  })().catch((error) => {
    if (!ending.signal.aborted) throw error;
  });
  return () => ending.abort();
}

async function round(way: Way, seconds: number, connections: number): Promise<void> {
  const url = `http://127.0.0.1:${way.port}/`;
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '-H', `User-Agent: ${USER_AGENT}`, url];
  const [program, ...args] = pinned('load', ['wrk', ...options]);
  const cpu = measureCpu(way.acceptor);
  const wrk = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  wrk.stdout.on('data', (text: Buffer) => {
    said += text.toString();
  });
  await once(wrk, 'close');
  const { userUs, systemUs } = cpu();
  const requests = Number(/(\d+) requests in/.exec(said)?.[1]);
  if (!(requests > 0) || /Non-2xx|Socket errors/.test(said)) throw new Error(`${way.name}: ${said}`);
  way.rounds.push({ userUs: userUs / requests, systemUs: systemUs / requests });
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];

function print(ways: readonly Way[]): void {
  const all = ({ userUs, systemUs }: Cpu): number => userUs + systemUs;
  for (const { name, rounds } of ways) {
    const base = ways.find((way) => way.name === WAYS[name].base) ?? ways[0];
    const ratios = rounds.map((one, i) => all(one) / all(base.rounds[i]));
    const sum = rounds.reduce((total, one) => total + all(one), 0);
    const baseSum = base.rounds.reduce((total, one) => total + all(one), 0);
    console.log(
      `${name.padEnd(10)} ${median(rounds.map(all)).toFixed(1)} µs (user ${median(rounds.map(({ userUs }) => userUs)).toFixed(1)})` +
        `  to ${base.name}: ratio ${median(ratios).toFixed(3)}, of the sums ${(sum / baseSum).toFixed(3)}`,
    );
  }
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '32' },
    only: { type: 'string' },
    main: { type: 'string', default: fileURLToPath(new URL('../../dist/main.js', import.meta.url)) },
  },
});
execFileSync('sh', ['-c', 'command -v wrk'], { stdio: 'ignore' });
const dir = mkdtempSync(join(tmpdir(), 'lbproxy-looked-at-'));
const processes: ChildProcess[] = [];
const ways: Way[] = [];
try {
  const peers = [await freePort(), await freePort()];
  const program = fileURLToPath(new URL('../upstream-server.ts', import.meta.url));
  for (const peer of peers) {
    processes.push(spawnPinned('load', [process.execPath, program, String(peer), '127.0.0.1', '0']));
    await listening(peer);
  }
  const names = Object.keys(WAYS).filter(
    (name) => name === 'off' || values.only === undefined || values.only.split(',').includes(name),
  );
  for (const name of names) {
    const way = await startWay(name, values.main, peers, dir);
    ways.push(way);
    processes.push(way.process);
  }
  for (const way of ways) await round(way, Number(values.seconds), Number(values.connections));
  for (const way of ways) way.rounds.length = 0;
  for (let i = 0; i < Number(values.rounds); i++)
    for (const way of ways) await round(way, Number(values.seconds), Number(values.connections));
  print(ways);
} finally {
  for (const way of ways) way.close();
  for (const child of processes) child.kill('SIGTERM');
  await sleep(1500);
  rmSync(dir, { recursive: true, force: true });
}
