// The same configuration in nginx and in lbproxy, on ports of their own, and their answers in a form that can be compared.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { freePorts } from '../support/free-ports.ts';
import { nginxVersion, startNginxHttp } from '../support/nginx.ts';
import { startProxy } from '../support/proxy.ts';
import { type Answer, exchangeOnce, field, type WireOptions } from '../support/wire.ts';

export interface Side {
  readonly name: 'nginx' | 'lbproxy';
  /** Of the placeholders `{port}`, `{port2}` … */
  readonly ports: readonly number[];
  readonly port: number;
  /** What `{dir}` stands for. */
  readonly dir: string;
  /** Writes what is still buffered. */
  flush(): void;
}

export interface Pair {
  readonly nginx: Side;
  readonly lbproxy: Side;
  /** What lbproxy's error log was told. */
  readonly log: readonly string[];
  close(): Promise<void>;
}

/** Addresses by their placeholders; a text is that of `{peer}`. */
type Places = string | Readonly<Record<string, string>>;

/** `http` stands in `http { }`; `{port}`, `{port2}` …, `{dir}` and `{peer}`, one of `peers`, become each side's own. */
export async function startPair(
  http: string,
  peers: readonly [nginx: Places, lbproxy: Places] = ['', ''],
): Promise<Pair> {
  const count = new Set(http.match(/\{port\d?\}/g)).size;
  const [theirs, ours] = [await freePorts(count), await freePorts(count)];
  const nginx = await startNginxHttp(withPlaces(withPorts(http, theirs), peers[0]), theirs[0]);
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-pair-'));
  const text = withPlaces(withPorts(http, ours).replaceAll('{dir}', dir), peers[1]);
  const proxy = await startProxy(`error_log ${dir}/error.log; http { ${text} }`).catch(async (error) => {
    await nginx.stop();
    throw error;
  });
  return {
    nginx: { name: 'nginx', ports: theirs, port: theirs[0], dir: nginx.dir, flush: () => {} },
    lbproxy: {
      name: 'lbproxy',
      ports: ours,
      port: ours[0],
      dir,
      flush: () => proxy.logFiles.flushAllSync(),
    },
    log: proxy.log,
    async close() {
      await nginx.stop();
      await proxy.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function withPlaces(text: string, places: Places): string {
  const all = typeof places === 'string' ? { peer: places } : places;
  return Object.entries(all).reduce((plain, [name, address]) => plain.replaceAll(`{${name}}`, address), text);
}

function withPorts(text: string, ports: readonly number[]): string {
  return text.replace(/\{port(\d?)\}/g, (_all, n: string) => String(ports[n === '' ? 0 : Number(n) - 1]));
}

/** What is said of an answer: everything but Server, Date and the names of ports and programs. */
export interface Comparable {
  readonly status: string;
  readonly fields: readonly string[];
  readonly framing: Answer['framing'];
  readonly interim: readonly string[];
  readonly body: string;
}

const SIGNATURES = { nginx: nginxVersion, lbproxy: `lbproxy/${VERSION}` };

/** Within it, Expires is told from Date on. */
const NEAR_SECONDS = 2 * 365 * 24 * 3600;

export function comparable(answer: Answer, side: Side): Comparable {
  const boundary = /boundary=(\d+)/.exec(field(answer, 'content-type'))?.[1] ?? 'none';
  const plain = (text: string): string =>
    side.ports
      .reduce((t, port, i) => t.replaceAll(`:${port}`, `:PORT${i}`), text)
      .replaceAll(boundary, boundary === 'none' ? boundary : 'BOUNDARY');
  const signature = SIGNATURES[side.name];
  const page = answer.body.includes(`<center>${signature}</center>`) || isPageWithoutBody(answer);
  // Pages differ in length as their signatures do.
  // The second may have changed between the two; a time that is years away is one that somebody wrote down.
  const date = Date.parse(field(answer, 'date'));
  const control = answer.fields.filter(([name]) => name === 'Cache-Control').join();
  const meant = control.includes('no-cache') ? -1 : Number(/max-age=(\d+)/.exec(control)?.[1]);
  const expires = (value: string): string => {
    const seconds = (Date.parse(value) - date) / 1000;
    if (Math.abs(seconds) >= NEAR_SECONDS) return value;
    // It may also change between the making of Expires and that of Date.
    return `Date + ${Math.abs(seconds - meant) <= 1 ? meant : seconds}`;
  };
  const length = (value: string): string => (page ? `${Number(value) - signature.length} of a page` : value);
  return {
    status: answer.statusLine,
    fields: answer.fields
      .filter(([name]) => name !== 'Server' && name !== 'Date')
      .map(([name, value]) => {
        if (name === 'Expires') return `${name}: ${expires(value)}`;
        return `${name}: ${name === 'Content-Length' ? length(value) : plain(value)}`;
      })
      .sort(),
    framing: answer.framing,
    interim: answer.interim,
    body: plain(answer.body.replaceAll(signature, 'SIGNATURE')),
  };
}

function isPageWithoutBody(answer: Answer): boolean {
  const isHtml =
    answer.framing === 'none' &&
    answer.status >= 300 &&
    /^text\/html(?:;|$)/.test(field(answer, 'content-type'));
  // No file of the tests' site is as long as a page.
  return isHtml && Number(field(answer, 'content-length')) > 100;
}

/** The answers of both sides to the same bytes. */
export async function askBoth(
  pair: Pair,
  request: string | Buffer,
  options?: WireOptions,
): Promise<{ nginx: Comparable; lbproxy: Comparable }> {
  const [theirs, ours] = await Promise.all(
    [pair.nginx, pair.lbproxy].map((side) => exchangeOnce(side.port, request, options)),
  );
  return { nginx: comparable(theirs, pair.nginx), lbproxy: comparable(ours, pair.lbproxy) };
}

/** The same of both within one second: what is told of a time of day is the same only then. */
export async function askBothInOneSecond(pair: Pair, request: string): ReturnType<typeof askBoth> {
  for (;;) {
    const ms = Date.now() % 1000;
    if (ms > 500) await pause(1000 - ms);
    const [theirs, ours] = await Promise.all(
      [pair.nginx, pair.lbproxy].map((side) => exchangeOnce(side.port, request)),
    );
    if (field(theirs, 'date') !== field(ours, 'date')) continue;
    return { nginx: comparable(theirs, pair.nginx), lbproxy: comparable(ours, pair.lbproxy) };
  }
}

/** The logs of both have the same lines, at least so many: either may write one behind the end of its connection. */
export async function expectSameLog(pair: Pair, name: string, least: number): Promise<void> {
  const read = (side: Side): string[] => {
    side.flush();
    return readFileSync(join(side.dir, name), 'latin1').split('\n').slice(0, -1);
  };
  const isSame = (): boolean =>
    read(pair.nginx).length >= least && isDeepStrictEqual(read(pair.nginx), read(pair.lbproxy));
  for (const end = performance.now() + 10_000; !isSame() && performance.now() < end; ) await pause(20);
  expect(read(pair.lbproxy)).toEqual(read(pair.nginx));
  expect(read(pair.nginx).length).toBeGreaterThanOrEqual(least);
}

/** A request of HTTP/1.1 for `ref.example` that ends its connection; `lines` without line ends. */
export function request(method: string, target: string, lines: readonly string[] = [], body = ''): string {
  const all = [`${method} ${target} HTTP/1.1`, 'Host: ref.example', ...lines, 'Connection: close'];
  return `${all.join('\r\n')}\r\n\r\n${body}`;
}
