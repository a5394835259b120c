// Error log lines about peers, side by side with nginx's: whom a request was sent to, and what it was asked for there.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from '../support/main-file.ts';
import {
  ask,
  freePort,
  type NginxReference,
  nginxVersion,
  startNginxHttp,
  tempPaths,
} from '../support/nginx.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

const LIMIT_MS = 60_000;
const TICK_MS = 25;

/** Location and what it does; DEAD takes no connection, CLOSING closes each. */
const LOCATIONS: readonly (readonly [match: string, content: string])[] = [
  ['/plain/', 'proxy_pass http://DEAD;'],
  ['/uri/', 'proxy_pass http://DEAD/other/;'],
  ['/broken/', 'rewrite ^/broken/(.*)$ /new/$1?more=1 break; proxy_pass http://DEAD/never/;'],
  ['/variable/', 'set $where /v$uri; proxy_pass http://DEAD$where;'],
  ['/variable-host/', 'set $host_of DEAD; proxy_pass http://$host_of;'],
  ['~ ^/captured/(.*)$', 'proxy_pass http://DEAD/c/$1$is_args$args;'],
  ['/tls/', 'proxy_pass https://DEAD/t/;'],
  ['/tls-closing/', 'proxy_pass https://CLOSING;'],
  ['/group/', 'proxy_pass http://dead_group/g/;'],
  ['/closing/', 'proxy_pass http://CLOSING/closed/;'],
  ['/unix/', 'proxy_pass http://unix:/nonexistent/socket:/u/;'],
  ['/letters/', 'proxy_pass http://unix:/nonexistent/größe:/ä/;'],
  ['/letters-group/', 'proxy_pass http://grüße;'],
  ['/letters-fastcgi/', 'fastcgi_pass unix:/nonexistent/größe; fastcgi_param A b;'],
  ['/fastcgi/', 'fastcgi_pass DEAD; fastcgi_param A b;'],
  ['/fastcgi-unix/', 'fastcgi_pass unix:/nonexistent/socket; fastcgi_param A b;'],
  ['/fastcgi-closing/', 'fastcgi_pass CLOSING; fastcgi_param A b;'],
  ['/uwsgi/', 'uwsgi_pass DEAD; uwsgi_param A b;'],
  ['/scgi/', 'scgi_pass DEAD; scgi_param A b;'],
];

const TARGETS = LOCATIONS.flatMap(([match]) => {
  const path = /^~ \^(\/[a-z]+\/)/.exec(match)?.[1] ?? match;
  return [`${path}one`, `${path}t%20wo/..//%41?x=%20y&z`, path];
});

let closing: TestPeer;
let theirs: NginxReference;
let ours: ChildProcess;
let dir = '';
let lines: { readonly ours: readonly string[]; readonly theirs: readonly string[] };

beforeAll(async () => {
  if (nginxVersion === '') return;
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-error-log-'));
  closing = await startRawUpstream((socket) => socket.on('data', () => socket.destroy()));
  const [theirPort, ourPort] = [await freePort(), await freePort()];
  const http = (port: number): string =>
    `upstream dead_group { server DEAD; } upstream grüße { server unix:/nonexistent/ä; } server { listen 127.0.0.1:${port}; server_name größe.example;
     ${LOCATIONS.map(([match, content]) => `location ${match} { ${content} }`).join('\n')} }`
      .replaceAll('DEAD', '127.0.0.1:1')
      .replaceAll('CLOSING', `127.0.0.1:${closing.port}`);
  const file = join(dir, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${dir}/pid;
     error_log ${dir}/error.log; events { } http { access_log off; ${tempPaths(dir)} ${http(ourPort)} }`,
  );
  ours = spawn(process.execPath, [MAIN, '--as-nginx', '-p', dir, '-c', file, '-e', join(dir, 'error.log')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  theirs = await startNginxHttp(http(theirPort), theirPort);
  await until('the start', () => existsSync(join(dir, 'pid')));
  for (const target of TARGETS) {
    const request = `GET ${target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`;
    for (const [side, port] of [
      ['nginx', theirPort],
      ['lbproxy', ourPort],
    ] as const)
      expect([side, target, (await ask(port, request)).status]).toEqual([side, target, 502]);
  }
  const read = (place: string): string[] => linesOf(readFileSync(join(place, 'error.log'), 'utf8'));
  // The last line may still be on its way from the acceptor.
  await until('the last line', () => read(dir).length >= read(theirs.dir).length);
  lines = { ours: read(dir), theirs: read(theirs.dir) };
}, 3 * LIMIT_MS);

afterAll(async () => {
  if (nginxVersion === '') return;
  const ended = once(ours, 'exit');
  ours.kill('SIGTERM');
  await Promise.all([ended, theirs.stop(), closing.close()]);
  rmSync(dir, { recursive: true, force: true });
});

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i === LIMIT_MS / TICK_MS) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

/** Those about requests, without time, processes and the number of the connection. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.includes(', client: '))
    .map((line) => line.replace(/^\S+ \S+ (\[\w+\]) \d+#\d+: \*\d+ /, '$1 '));
}

describe.skipIf(nginxVersion === '')('the error log', () => {
  it.each(TARGETS)('of %s', (target) => {
    const of = (list: readonly string[]): readonly string[] =>
      list.filter((line) => line.includes(`"GET ${target} HTTP/1.1"`));
    expect(of(lines.theirs)).toHaveLength(1);
    expect(of(lines.ours)).toEqual(of(lines.theirs));
  });
});
