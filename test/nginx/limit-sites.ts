// The same limits in nginx with four processes and in lbproxy with four acceptors, and what both say and log.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { freePorts } from '../support/free-ports.ts';
import { pause } from '../support/http-client.ts';
import { type LbproxyProcess, spawnLbproxy } from '../support/lbproxy-process.ts';
import { tempPaths } from '../support/nginx.ts';
import { exchangeOnce } from '../support/wire.ts';

export const PROCESSES = 4;

export interface Site {
  readonly name: 'nginx' | 'lbproxy';
  readonly port: number;
  readonly dir: string;
  /** Has another `http { }` served. */
  reload(http: string): Promise<void>;
  /** Lines about limits that the error log has so far, as `level message`. */
  messages(): string[];
  stop(): Promise<void>;
}

/** `{port}`, `{dir}` and `{peer}`, one of `peers`, become each side's own. */
export async function startSites(
  http: string,
  peers: readonly number[] = [],
): Promise<{ nginx: Site; lbproxy: Site & { process: LbproxyProcess } }> {
  const [nginx, lbproxy] = await Promise.all([
    startNginxProcesses(http, peers[0]),
    startAcceptors(http, peers[1]),
  ]);
  return { nginx, lbproxy };
}

async function startNginxProcesses(http: string, peer = 0): Promise<Site> {
  const [port] = await freePorts(1);
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-limits-'));
  const file = join(dir, 'nginx.conf');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const write = (text: string): void =>
    writeFileSync(
      file,
      `daemon off; worker_processes ${PROCESSES}; ${user} pid ${dir}/pid; error_log ${dir}/error.log info;
       events { worker_connections 1024; accept_mutex off; }
       http { access_log off; ${tempPaths(dir)} ${filled(text, { port, dir, peer })} }`,
    );
  write(http);
  const child = spawn('/usr/sbin/nginx', ['-p', dir, '-c', file, '-e', join(dir, 'error.log')], {
    stdio: 'ignore',
  });
  const log = (): string => readFileSync(join(dir, 'error.log'), 'utf8');
  const started = (): number => log().split('start worker process ').length - 1;
  for (let i = 0; i < 200 && !existsSync(join(dir, 'pid')); i++) await pause(25);
  for (let i = 0; i < 200 && started() < PROCESSES; i++) await pause(25);
  return {
    name: 'nginx',
    port,
    dir,
    async reload(text) {
      const before = started();
      write(text);
      child.kill('SIGHUP');
      for (let i = 0; i < 200 && started() < before + PROCESSES; i++) await pause(25);
      if (started() < before + PROCESSES) throw new Error(`nginx did not reload: ${log()}`);
      // Its old processes stop to accept a moment after the new ones begin.
      await pause(200);
    },
    messages() {
      return [
        ...log().matchAll(
          /\[(\w+)\] \d+#\d+: (?:\*\d+ )?((?:limiting|delaying|could not|ngx_slab|the value of).*)/g,
        ),
      ].map(([, level, text]) => plain(level, text.replace(/, client: .*/, '')));
    },
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      if (child.exitCode === null) await once(child, 'exit');
      clearTimeout(timer);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startAcceptors(http: string, peer = 0): Promise<Site & { process: LbproxyProcess }> {
  const [port] = await freePorts(1);
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-limits-'));
  const configuration = (text: string): string =>
    `worker_processes ${PROCESSES}; error_log stderr info; http { ${filled(text, { port, dir, peer })} }`;
  const lbproxy = await spawnLbproxy(configuration(http));
  await lbproxy.printed('is ready', 20_000);
  return {
    name: 'lbproxy',
    process: lbproxy,
    port,
    dir,
    async reload(text) {
      if ((await lbproxy.reload(configuration(text))) !== 'reloaded') throw new Error(lbproxy.stderr());
    },
    messages() {
      return lbproxy
        .stderr()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { level: string; msg: string })
        .filter(({ msg }) => /^(?:limiting|delaying|could not|ngx_slab|the value of)/.test(msg))
        .map(({ level, msg }) => plain(level, msg));
    },
    async stop() {
      await lbproxy.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function filled(text: string, own: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(port|dir|peer)\}/g, (_, name: string) => String(own[name]));
}

/** Thousandths that pass between two requests depend on the machine: the whole requests that were ahead do not. The highest level of ours is crit. */
function plain(level: string, text: string): string {
  const rounded = text.replace(/excess: (\d+\.\d+)/, (_, n: string) => `excess: ${Math.ceil(Number(n))}`);
  return `${level === 'alert' ? 'crit' : level} ${rounded.slice(0, 200)}`;
}

/**
 * A request on a connection of its own; its status, or 0 for a connection that closed without one. It is over once that is closed: the
 * place of a request is given back between its last byte and that, in either program, and the next may come to another process.
 */
export async function statusOf({ port }: Site, target: string, lines = ''): Promise<number> {
  const text = `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}Connection: close\r\n\r\n`;
  return (await exchangeOnce(port, text, { timeoutMs: 20_000, untilClosed: true })).status;
}

/** All at once; how many had each status. */
export async function countsOf(site: Site, targets: readonly string[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const status of await Promise.all(targets.map((target) => statusOf(site, target))))
    counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** What both have, sorted, once it is the same, or after ten seconds: a line is written, or comes to who reads it, a moment later. */
export async function onceSame(
  sites: readonly Site[],
  read: (site: Site) => readonly string[],
): Promise<[nginx: string[], lbproxy: string[]]> {
  for (const end = performance.now() + 10_000; ; await pause(20)) {
    const [theirs, ours] = sites.map((site) => read(site).toSorted());
    if (isDeepStrictEqual(theirs, ours) || performance.now() > end) return [theirs, ours];
  }
}

/** A directory with a file that both sides serve. */
export function siteFiles(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-limited-'));
  mkdirSync(join(dir, 'sub'));
  for (const name of ['file.txt', 'sub/index.txt']) writeFileSync(join(dir, name), 'here\n');
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
