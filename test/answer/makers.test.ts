// Every maker of answers, whatever it waits for: what comes late, twice, and after the end of its exchange reaches nobody else. The next
// answer is on its way meanwhile, on the same connection where that lives on: not a byte, no field and no line of a log of it is another's.
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { LATE, LateCalls } from '../support/late-calls.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { BIG, MADE, type Maker } from './makers.ts';

const ENDINGS = ['gone', 'replaced', 'error page', 'whole'] as const;
type Ending = (typeof ENDINGS)[number];
const NEXT = ['first half, ', 'second half'];
const BLOCK = '<!--#block name="s" -->stub<!--#endblock -->';
const MOMENT_MS = 5;
const PATIENCE_MS = 10_000;
let dir: string;
let number = 0;
let says = '';
let told: Socket[] = [];
let goOn: (() => void)[] = [];
const peers: TestPeer[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-makers-'));
  mkdirSync(join(dir, 'made'));
  writeFileSync(join(dir, 'made/large'), 'l'.repeat(BIG));
  writeFileSync(join(dir, 'large'), 'l'.repeat(BIG));
  for (const name of ['index.html', 'a', 'a.html']) writeFileSync(join(dir, 'made', name), 'a file');
  writeFileSync(join(dir, 'made/page.html'), 'a <!--#include virtual="/asked" --> b');
  writeFileSync(join(dir, 'made/set.html'), 'a <!--#include virtual="/asked" set="v" --> b');
  writeFileSync(join(dir, 'made/stub.html'), `${BLOCK}<!--#include virtual="/asked" stub="s" --> b`);
  writeFileSync(join(dir, 'users'), 'u:$apr1$saltsalt$DvQTBz1xHwXJP55FHhmOj.\n');
  // Says what the maker's entry has, hears on, and is late.
  peers.push(
    await startRawUpstream((socket) => {
      told.push(socket);
      socket.once('data', () => socket.write(Buffer.from(says, 'latin1')));
    }),
    await startRawUpstream((socket) => {
      socket.on('data', () => {
        socket.write(
          `HTTP/1.1 200 OK\r\nX-Next: next\r\nContent-Length: ${NEXT.join('').length}\r\n\r\n${NEXT[0]}`,
        );
        goOn.push(() => socket.write(NEXT[1]));
      });
    }),
  );
});
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
  rmSync(dir, { recursive: true, force: true });
  [told, goOn] = [[], []];
});

function start(maker: Maker): Promise<Proxy> {
  const [{ address }, next] = peers;
  const text = `error_log DIR/error.log info;
    http { log_format l '$request_method $request_uri $uri $status $body_bytes_sent $request_length [$upstream_status] $sent_http_x_next $sent_http_x_late';
    ${maker.around ?? ''} open_file_cache off;
    server { listen 127.0.0.1:0; root DIR; access_log DIR/access.log l; client_body_temp_path DIR/bodies;
      location /made/ { ${maker.location} }
      location /asked { proxy_pass http://PEER; }
      location /next { proxy_pass http://${next.address}; }
      ${maker.beside ?? ''} } }`;
  return startProxy(text.replaceAll('DIR', dir).replaceAll('PEER', address), { prefix: dir });
}

class Client {
  readonly socket: Socket;
  text = '';

  constructor(port: number, slow: boolean) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.on('error', () => undefined);
    this.socket.on('data', (piece: Buffer) => {
      this.text += piece.latin1Slice();
    });
    if (slow) this.socket.pause();
  }

  ask = (head: string): boolean => this.socket.write(Buffer.from(head, 'latin1'));
}

const settled = (text: string): string => text.replaceAll(/^(?:Server|Date): .*\r\n/gm, '');

/** Another answer takes the place, and the maker is told: a page of ours, or another location. */
function replace(x: Exchange, byLocation: boolean): void {
  const { source } = x;
  x.source = null;
  source?.onGone('replaced');
  x.dropAnswer();
  if (!byLocation) return x.server.root.fail(x, 503, '');
  x.answerError(503);
  x.server.redirect(x, '/next');
}

/** Waits until it is so; false when it does not come true. */
async function comes(isSo: () => boolean, ms = PATIENCE_MS): Promise<boolean> {
  for (const end = performance.now() + ms; !isSo(); await pause(1)) if (performance.now() > end) return false;
  return true;
}

class Scenario {
  readonly #maker: Maker;
  readonly #proxy: Proxy;
  #ending: Ending;
  readonly #late = new LateCalls();
  readonly #client: Client;

  constructor(maker: Maker, proxy: Proxy, ending: Ending) {
    this.#maker = maker;
    this.#proxy = proxy;
    this.#ending = ending;
    this.#client = new Client(proxy.port, maker.slow === true);
  }

  get #exchange(): Exchange {
    return this.#late.exchange as Exchange;
  }
  /** Tells how many completions there were, and which classes took part. */
  async run(holdFrom: number): Promise<Pick<LateCalls, 'completions' | 'seen'>> {
    const late = this.#late;
    try {
      await this.#ask(holdFrom);
      // What has begun is not replaced any more.
      if (this.#exchange.ended) this.#ending = 'whole';
      else if (this.#ending !== 'whole' && this.#exchange.headSent) this.#ending = 'gone';
      await this.#end();
      const next = await this.#beginNext();
      const before = [...this.#proxy.log, ...this.#proxy.refused];
      late.fire();
      for (const socket of told) if (socket.writable) socket.write(LATE);
      await pause(MOMENT_MS);
      await this.#endNext(next);
      expect([...this.#proxy.log, ...this.#proxy.refused]).toEqual(before);
      return late;
    } finally {
      late.end();
      this.#client.socket.destroy();
    }
  }

  async #ask(holdFrom: number): Promise<void> {
    const { target = 'a', method = 'GET', more = '\r\n', classes, before, meanwhile } = this.#maker;
    const made = `new-${++number}`;
    for (const name of ['', '.gz']) writeFileSync(join(dir, `made/${made}${name}`), 'a new file');
    if (before !== undefined) {
      this.#client.ask(`GET ${before} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await comes(() => this.#client.text.endsWith('a file'));
    }
    if (meanwhile !== undefined) {
      new Client(this.#proxy.port, false).ask(`GET ${meanwhile} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await comes(() => told.length > 0);
    }
    const late = this.#late;
    late.begin(holdFrom);
    const path = (target === 'NEW' ? made : target).replace('PORT', String(peers[0].port));
    this.#client.ask(`${method} /made/${path} HTTP/1.1\r\nHost: a\r\n${more}`);
    const isHeld = (): boolean => late.held.length > 0 || late.exchange?.ended === true;
    const takePart = (): boolean => classes.every((name) => name === 'Tunnel' || late.seen.has(name));
    expect(await comes(() => isHeld() || (late.exchange !== null && takePart())), 'it is made').toBe(true);
    // A body that is not whole goes nowhere.
    if (method === 'GET' && usesPeer(this.#maker))
      expect(await comes(() => isHeld() || told.length > 0), 'the peer is asked').toBe(true);
    await pause(MOMENT_MS);
    late.stop();
  }

  async #end(): Promise<void> {
    const x = this.#exchange;
    const client = this.#client;
    if (this.#ending === 'gone') client.socket.resetAndDestroy();
    else if (this.#ending !== 'whole') replace(x, this.#ending === 'error page');
    client.socket.resume();
    if (this.#maker.method === 'POST' && this.#ending !== 'gone') client.ask('-rest');
    if (this.#ending === 'whole') for (const socket of told) socket.write(this.#maker.rest ?? '');
    if (this.#ending !== 'error page')
      expect(await comes(() => x.ended), 'the first exchange ends').toBe(true);
  }

  async #beginNext(): Promise<Client> {
    const isSame = this.#ending !== 'gone' && !this.#exchange.closeAfter;
    const next = isSame ? this.#client : new Client(this.#proxy.port, false);
    if (this.#ending !== 'error page') next.ask('GET /next HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(
      await comes(() => next.text.includes(NEXT[0])),
      `the next answer begins: ${next.text.slice(-300)}`,
    ).toBe(true);
    return next;
  }

  async #endNext(next: Client): Promise<void> {
    expect(goOn.length, 'the next peer is asked once').toBe(1);
    for (const act of goOn.splice(0)) act();
    const all = NEXT.join('');
    await comes(() => next.text.includes(NEXT[1]));
    await pause(MOMENT_MS);
    const at = next.text.lastIndexOf('HTTP/1.1 ', next.text.indexOf('X-Next'));
    const status = this.#ending === 'error page' ? '503 Service Temporarily Unavailable' : '200 OK';
    const connection = this.#exchange.closeAfter && this.#ending === 'error page' ? 'close' : 'keep-alive';
    expect(settled(next.text.slice(at))).toBe(
      `HTTP/1.1 ${status}\r\nX-Next: next\r\nContent-Length: ${all.length}\r\nConnection: ${connection}\r\n\r\n${all}`,
    );
    if (next !== this.#client) next.socket.destroy();
  }
}

const usesPeer = ({ location, target = '', rest }: Maker): boolean =>
  rest !== undefined || /PEER|asked|PORT/.test(location + target);

function endingsOf(maker: Maker): readonly Ending[] {
  const { begins, consumes, rest } = maker;
  const isPossible = {
    gone: true,
    replaced: begins !== true,
    'error page': begins !== true && consumes !== true,
    whole: rest !== undefined || !usesPeer(maker),
  };
  return ENDINGS.filter((ending) => isPossible[ending]);
}

const madeLines = (log: string): string[] => log.match(/^(?:GET|POST) \/made\/.*$/gm) ?? [];
/** Each request has one line in the log, of its own. */
function checkLog(log: string, scenarios: number): void {
  const lines = log.split('\n').slice(0, -1);
  const next = lines.filter((line) => line.includes(' /next /next '));
  expect(new Set(next).size).toBeLessThan(2);
  for (const line of next) expect(line).toBe(`GET /next /next 200 ${NEXT.join('').length} 31 [200] next -`);
  const made = madeLines(log);
  expect(made).toHaveLength(scenarios);
  expect(lines.filter((line) => !line.startsWith('GET /before/'))).toHaveLength(next.length + made.length);
}

describe.each(Object.entries(MADE))('%s', (_name, maker) => {
  it.each(endingsOf(maker))(
    '%s',
    async (ending) => {
      says = maker.says ?? '';
      const proxy = await start(maker);
      const seen = new Set<string>();
      let scenarios = 0;
      try {
        // Each completion of the file system is the first that is late, once.
        for (let holdFrom = ending === 'whole' ? Number.MAX_SAFE_INTEGER : 1; ; holdFrom++) {
          told = [];
          scenarios++;
          const late = await new Scenario(maker, proxy, ending).run(holdFrom);
          for (const name of late.seen) seen.add(name);
          if (late.completions < holdFrom) break;
        }
        proxy.logFiles.flushAllSync();
        const log = (): string => readFileSync(join(dir, 'access.log'), 'latin1');
        await comes(() => madeLines(log()).length >= scenarios);
        checkLog(log(), scenarios);
        expect([...seen]).toEqual(expect.arrayContaining([...maker.classes]));
      } finally {
        await proxy.close();
      }
    },
    120_000,
  );
});

/**
 * The concrete classes of src that are sources of an answer or take one as a root, filters aside: those have a table of their own. An application's own
 * server (embed) has no road, and what only explains it (explain) has no client.
 */
function classesThatMake(): string[] {
  const root = new URL('../../src/', import.meta.url).pathname;
  const text = globSync('**/*.ts', { cwd: root })
    .filter((file) => !/^(?:embed|explain)\//.test(file))
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
  const kinds = new Set(['Source', 'SubRoot']);
  const classes: string[] = [];
  const declared = [...text.matchAll(/(abstract class|class|interface) (\w+)(?:<[^>]*>)?([^{;]*?) \{/g)];
  for (let known = 0; known !== kinds.size; ) {
    known = kinds.size;
    for (const [, what, name, heritage] of declared) {
      const isOne = heritage.split(/[\s,]+/).some((word) => kinds.has(word));
      if (!isOne || kinds.has(name) || /\bLink\b/.test(`${name} ${heritage}`)) continue;
      kinds.add(name);
      if (what === 'class') classes.push(name);
    }
  }
  return classes;
}

it('all classes that make answers are here', () => {
  const listed = new Set(Object.values(MADE).flatMap(({ classes }) => classes));
  const made = classesThatMake();
  expect(made).toContain('FileTransfer');
  expect(made).toContain('Insert');
  expect(made.filter((name) => !listed.has(name))).toEqual([]);
});
