// An lbproxy with a live view, a peer that keeps what it got, and a browser that looks at the page.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { WebSocketServer } from 'ws';
import { freePorts } from './free-ports.ts';
import { type LbproxyProcess, startLbproxy } from './lbproxy-process.ts';
import { liveViewFile, liveViewUrl } from './live-view-place.ts';

const CHROMIUM = '/usr/bin/chromium';

export const hasChromium = existsSync(CHROMIUM);

const APP = `console.log('needle in the log'); setInterval(() => console.log('tick'), 300);`;

const CONFIG = `worker_processes 2; state_path DIR/state; live_view on; inspector 32m; inspector_mask X-Api-Key;
program app { command "node DIR/app.mjs"; numprocs 2; startsecs 0; stopwaitsecs 2; stdout_logfile "DIR/app.log"; }
http { count_traffic on; access_log off; client_max_body_size 8m;
  upstream api { server 127.0.0.1:PEER; server 127.0.0.1:PORT3; }
  server { listen 127.0.0.1:PORT1; server_name one www.one;
    location / { proxy_pass http://api; }
    location /socket { proxy_pass http://127.0.0.1:PEER; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
    location /gone { proxy_pass http://127.0.0.1:PORT3; }
    location /text { return 200 hi; } } }`;

/** What a peer got. */
export interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export class LiveViewSite {
  readonly got: readonly Got[];
  /** All that the live view's server said without being asked for hidden values. */
  readonly told: string[] = [];
  /** What a browser complained of. */
  readonly complaints: string[] = [];
  /** Addresses outside of the page's own. */
  readonly strayed: string[] = [];
  readonly #peer: Server;
  readonly browser: Browser;
  /** The page's address, with the token: the same for all runs. */
  readonly url: string;
  lbproxy: LbproxyProcess;

  constructor(peer: Server, got: readonly Got[], browser: Browser, lbproxy: LbproxyProcess) {
    this.got = got;
    this.#peer = peer;
    this.browser = browser;
    this.lbproxy = lbproxy;
    this.url = liveViewUrl(lbproxy);
  }

  get base(): string {
    return this.url.replace(/\/#.*/, '');
  }

  async page(width = 1280): Promise<Page> {
    const context = await this.browser.newContext({
      viewport: { width, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.stack ?? error.message));
    page.on('request', (request) => {
      if (!/^(?:blob|data):/.test(request.url()) && !request.url().startsWith(`${this.base}/`))
        this.strayed.push(request.url());
    });
    page.on('response', (response) => {
      if (response.url().includes('unmasked=1')) return;
      // One that was broken off told nothing.
      response.text().then(
        (text) => this.told.push(text),
        () => undefined,
      );
    });
    return page;
  }

  /** All that a page would be told: what a browser reads of a stream it shows to nobody else. Resolves with how to stop. */
  listen(): Promise<() => void> {
    const [base, token] = this.url.split('/#');
    const call = request(`${base}/api/stream?filter=&log=stdout:app:app_00&log=stderr:app:app_01`, {
      headers: { authorization: `Bearer ${token}` },
      agent: false,
    });
    call.on('error', () => undefined);
    call.end();
    return new Promise((resolve) => {
      call.on('response', (answer) => {
        answer.setEncoding('utf8').on('data', (text: string) => this.told.push(text));
        answer.on('error', () => undefined);
        resolve(() => void call.destroy());
      });
    });
  }

  /** The same again: state, ports, token. */
  async restart(between: () => Promise<void>): Promise<void> {
    const { dir, ports } = this.lbproxy;
    this.lbproxy.signal('SIGTERM');
    await this.lbproxy.exited;
    await between();
    this.lbproxy = await startLbproxy(readFileSync(this.lbproxy.configFile, 'utf8'), { dir, ports });
    await this.listen();
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.#peer.closeAllConnections();
    this.#peer.close();
  }
}

/** As one that was here before, at a port that nobody has. */
async function start(config: string): Promise<LbproxyProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-live-view-'));
  const [viewPort, ...ports] = await freePorts(4);
  mkdirSync(join(dir, 'state'));
  const place = { dir, configFile: join(dir, 'nginx.conf') };
  writeFileSync(liveViewFile(place, 'port'), `${viewPort}\n`, { mode: 0o600 });
  return startLbproxy(config, { dir, ports, files: { 'app.mjs': APP } });
}

export async function openLiveViewSite(): Promise<LiveViewSite> {
  const got: Got[] = [];
  const peer = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      got.push({ method, url, headers, body: Buffer.concat(pieces) });
      response.writeHead(200, { 'Content-Type': 'application/json', 'Set-Cookie': 'sid=secret4' });
      response.end(JSON.stringify({ url, echoed: headers['x-shown'] ?? '' }));
    });
  });
  const sockets = new WebSocketServer({ server: peer });
  sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(`echo ${text}`)));
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  const { port } = peer.address() as AddressInfo;
  const [browser, lbproxy] = await Promise.all([
    chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }),
    start(CONFIG.replaceAll('PEER', String(port))),
  ]);
  const site = new LiveViewSite(peer, got, browser, lbproxy);
  await site.listen();
  return site;
}
