// Whether the live view's pages and the primary behind them stay as large as they are: two pages in Chromium with 1,000 requests a second,
// for ten minutes, one with the list of requests, the other with each view in turn, a minute each. Every ten seconds the memory of the
// pages after a collection of garbage, and that of the processes; at the end how they grew behind the first two minutes.
//   node bench/micro/live-view-soak.ts [--minutes 10] [--rate 1000] [--main dist/main.js] [--picture DIR]
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const CLIENTS = 32;
const TICK_MS = 10;
const EVERY_MS = 10_000;
const LIMIT_MS = 30_000;
/** Caches and charts fill until then. */
const WARM_MINUTES = 2;

/** One minute each. */
const VIEWS = ['overview', 'topology', 'peers', 'programs', 'configuration', 'events', 'requests'] as const;

const APP = `
import { createServer } from 'node:http';
createServer((request, response) => {
  if (request.url.includes('n=7')) console.log(request.url);
  response.writeHead(request.url.includes('n=13') ? 500 : 200, { 'Content-Type': 'text/plain' });
  response.end('x'.repeat(300));
}).listen(process.env.PORT, '127.0.0.1');`;

function configText(dir: string, ports: readonly number[]): string {
  return `worker_processes 2; state_path ${dir}/state; live_view 127.0.0.1:${ports[1]}; inspector 32m; error_log ${dir}/error.log;
program app { command "${process.execPath} ${dir}/app.mjs"; numprocs 2; first_port ${ports[2]}; stdout_logfile ${dir}/app.log; }
events {} http { access_log off; count_traffic on; keepalive_requests 100000000;
  upstream app { program app; keepalive 32; }
  server { listen 127.0.0.1:${ports[0]}; server_name soak; location / { proxy_pass http://app; } location /own { return 200 own; }
    location /gone { proxy_pass http://127.0.0.1:${ports[4]}; } } }`;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}

/** So many requests a second, in turns, on connections that stay. One that has no answer yet waits. */
class Load {
  answered = 0;
  #due = 0;
  #sent = 0;
  readonly #idle: Socket[] = [];
  readonly #all: Socket[];
  readonly #timer: NodeJS.Timeout;

  constructor(port: number, rate: number) {
    this.#all = Array.from({ length: CLIENTS }, () => {
      const socket = connect(port, '127.0.0.1', () => this.#idle.push(socket));
      // Every answer here comes in one piece.
      socket.on('data', () => {
        this.answered++;
        this.#idle.push(socket);
      });
      socket.on('error', (error) => console.error(`a client: ${error.message}`));
      return socket;
    });
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#due = Math.min(rate, this.#due + ((now - last) * rate) / 1000);
      last = now;
      for (; this.#due >= 1 && this.#idle.length > 0; this.#due--) this.#send();
    }, TICK_MS);
  }

  #send(): void {
    const n = this.#sent++ % 100;
    const path = n % 50 === 0 ? '/gone' : n % 10 === 0 ? '/own' : '/app';
    this.#idle
      .shift()
      ?.write(`GET ${path}?n=${n} HTTP/1.1\r\nHost: soak\r\nUser-Agent: soak\r\nCookie: a=b\r\n\r\n`);
  }

  end(): void {
    clearInterval(this.#timer);
    for (const socket of this.#all) socket.destroy();
  }
}

/** What is told of each moment, and what of it is to stay as it is. */
const COLUMNS = [
  'minute',
  'listMb',
  'listNodes',
  'view',
  'viewMb',
  'viewNodes',
  'primaryMb',
  'acceptorMb',
  'answerMs',
  'perSecond',
] as const;
const STEADY = ['listMb', 'listNodes', 'viewMb', 'primaryMb', 'acceptorMb'] as const;

type Sample = Readonly<Record<(typeof COLUMNS)[number], number | string>>;

const mb = (bytes: number): number => Math.round(bytes / 10_000) / 100;

function rssMb(pid: number | string): number {
  const kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return mb(Number(kb) * 1024);
}

function acceptorsOf(pid: number): string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.filter((each) => readFileSync(`/proc/${each}/cmdline`, 'utf8').includes('acceptor'));
}

/** A page, and what it is measured by. */
interface Looker {
  readonly page: Page;
  readonly cdp: CDPSession;
}

async function look(browser: Browser, url: string): Promise<Looker> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on('pageerror', (error) => console.error(`the page: ${error.message}`));
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await page.goto(url);
  await page.waitForSelector('.figures');
  return { page, cdp };
}

async function sizeOf({ cdp }: Looker): Promise<readonly [heapMb: number, nodes: number]> {
  for (let i = 0; i < 3; i++) await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const of = (name: string): number => metrics.find((one) => one.name === name)?.value ?? 0;
  return [mb(of('JSHeapUsedSize')), of('Nodes')];
}

/** How long until it draws. */
async function answerMs({ page }: Looker): Promise<number> {
  const began = performance.now();
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
  return Math.round(performance.now() - began);
}

async function show(page: Page, view: string): Promise<void> {
  await page.click(`nav a[href="#/${view}"]`);
  if (view === 'programs')
    await page
      .getByRole('button', { name: /^Log of/ })
      .first()
      .click();
  if (view === 'requests') await page.locator('.grid-row').first().click();
}

/** Units a minute, by least squares. */
function slope(points: readonly (readonly [minute: number, value: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([minute]) => minute), mean(([, value]) => value)];
  return mean(([minute, value]) => (minute - x) * (value - y)) / mean(([minute]) => (minute - x) ** 2);
}

async function soak(pid: number, port: number, url: string): Promise<Sample[]> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const load = new Load(port, Number(values.rate));
  const samples: Sample[] = [];
  try {
    const [list, other] = [await look(browser, url), await look(browser, url)];
    await show(list.page, 'requests');
    const began = performance.now();
    let [view, answered, countedAt] = ['', 0, began];
    for (let i = 1; i <= (Number(values.minutes) * 60_000) / EVERY_MS; i++) {
      const wanted = VIEWS[Math.floor(((i - 1) * EVERY_MS) / 60_000) % VIEWS.length];
      if (wanted !== view) await show(other.page, wanted);
      view = wanted;
      await sleep(Math.max(0, began + i * EVERY_MS - performance.now()));
      const now = performance.now();
      const [listMb, listNodes] = await sizeOf(list);
      const [viewMb, viewNodes] = await sizeOf(other);
      const sample: Sample = {
        minute: Math.round((now - began) / 600) / 100,
        listMb,
        listNodes,
        view,
        viewMb,
        viewNodes,
        primaryMb: rssMb(pid),
        acceptorMb: Math.max(...acceptorsOf(pid).map(rssMb)),
        answerMs: await answerMs(list),
        perSecond: Math.round(((load.answered - answered) * 1000) / (now - countedAt)),
      };
      [answered, countedAt] = [load.answered, now];
      samples.push(sample);
      console.log(COLUMNS.map((name) => sample[name]).join('\t'));
      if (values.picture !== undefined)
        await other.page.screenshot({ path: join(values.picture, `soak-${view}.png`) });
    }
    return samples;
  } finally {
    load.end();
    await browser.close();
  }
}

function summary(samples: readonly Sample[]): void {
  const warm = samples.filter(({ minute }) => Number(minute) > WARM_MINUTES);
  if (warm.length < 2) return;
  for (const key of STEADY) {
    const all = warm.map((one) => Number(one[key]));
    const grows = slope(warm.map((one) => [Number(one.minute), Number(one[key])]));
    console.log(`${key}: ${Math.min(...all)} to ${Math.max(...all)}, ${grows.toFixed(3)} a minute`);
  }
}

async function ready(child: ChildProcess): Promise<string> {
  let said = '';
  child.stdout?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const url = /^live view: (\S+)$/m.exec(said)?.[1];
    if (url !== undefined) return url;
    if (performance.now() > end || child.exitCode !== null) throw new Error(`lbproxy did not start: ${said}`);
    await sleep(20);
  }
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1000' },
    main: { type: 'string', default: fileURLToPath(new URL('../../dist/main.js', import.meta.url)) },
    picture: { type: 'string' },
  },
});
const dir = mkdtempSync(join(tmpdir(), 'lbproxy-soak-'));
const ports = await freePorts(5);
writeFileSync(join(dir, 'app.mjs'), APP);
writeFileSync(join(dir, 'nginx.conf'), configText(dir, ports));
const lbproxy = spawn(process.execPath, [values.main, '-c', join(dir, 'nginx.conf')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const url = await ready(lbproxy);
  console.log(COLUMNS.join('\t'));
  summary(await soak(lbproxy.pid ?? 0, ports[0], url));
} finally {
  lbproxy.kill('SIGTERM');
  if (lbproxy.exitCode === null) await once(lbproxy, 'exit');
  rmSync(dir, { recursive: true, force: true });
}
