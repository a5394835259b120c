// The order in which peers are chosen: the same configuration in nginx with one process and in lbproxy with one and with two acceptors,
// the same requests one after the other, each on a connection of its own. The peers say who they are.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { type NginxReference, nginxVersion, startNginxHttp } from '../support/nginx.ts';
import { exchangeOnce } from '../support/wire.ts';

const NAMES = ['a', 'b', 'c', 'd'];

/** Groups; a letter in braces is a peer's address, `{dead}` one that refuses connections. */
const GROUPS: Readonly<Record<string, string>> = {
  equal: 'server {a}; server {b}; server {c}; server {d};',
  'weights 5,1,1': 'server {a} weight=5; server {b}; server {c};',
  'weights 3,2,1 and a down peer':
    'server {a} weight=3; server {b} weight=2 down; server {c}; server {d} weight=2;',
  'a peer that refuses':
    'server {a}; server {dead} max_fails=1 fail_timeout=100s weight=2; server {c} weight=3;',
  'two that refuse, several failures allowed':
    'server {dead} max_fails=3 fail_timeout=100s weight=4; server {b}; server {dead2} max_fails=2 fail_timeout=100s; server {d} weight=2;',
  'failures that do not count': 'server {a}; server {dead} max_fails=0; server {c} weight=2;',
  'backups behind live peers': 'server {a}; server {b} weight=2; server {c} backup; server {d} backup;',
  'backups that serve':
    'server {dead} max_fails=1 fail_timeout=100s; server {b} down; server {c} backup weight=2; server {d} backup;',
  least_conn: 'least_conn; server {a}; server {b} weight=3; server {c}; server {d} down;',
  'least_conn with one that refuses':
    'least_conn; server {a} weight=2; server {dead} fail_timeout=100s; server {c};',
};
const REQUESTS = 1000;

const path = (group: string): string => `/${group.replaceAll(/[^a-z0-9]+/g, '-')}/`;

describe.skipIf(nginxVersion === '')('the order of peers', () => {
  const peers: Server[] = [];
  let addresses: Readonly<Record<string, string>>;
  let nginx: NginxReference;
  beforeAll(async () => {
    const ports = await freePorts(NAMES.length + 2);
    for (const [i, name] of NAMES.entries()) peers.push(await startPeer(name, ports[i]));
    const all = [...NAMES, 'dead', 'dead2'];
    addresses = Object.fromEntries(all.map((name, i) => [name, `127.0.0.1:${ports[i]}`]));
    const [port] = await freePorts(1);
    nginx = await startNginxHttp(configuration(`127.0.0.1:${port}`), port);
  });
  afterAll(async () => {
    await nginx?.stop();
    for (const peer of peers) await stopPeer(peer);
  });

  const configuration = (listen: string): string => {
    const upstreams = Object.values(GROUPS).map(
      (text, i) =>
        `upstream u${i} { ${text.replaceAll(/\{(\w+)\}/g, (_, peer: string) => addresses[peer])} }`,
    );
    const locations = Object.keys(GROUPS).map(
      (name, i) => `location ${path(name)} { proxy_pass http://u${i}; }`,
    );
    return `${upstreams.join('\n')} server { listen ${listen}; ${locations.join('\n')} }`;
  };

  it.each([1, 2])(
    `is that of nginx with %i acceptor(s), ${REQUESTS} requests to each group`,
    async (acceptors) => {
      const lbproxy = await startLbproxy(
        `worker_processes ${acceptors}; error_log DIR/error.log; http { ${configuration('127.0.0.1:PORT1')} }`,
      );
      const wanted: Record<string, string> = {};
      const got: Record<string, string> = {};
      for (const group of Object.keys(GROUPS)) {
        // nginx goes on where it stood after the first run: only its first run starts as lbproxy does.
        [theirs[group], got[group]] = await Promise.all([
          theirs[group] ?? orderOf(nginx.port, path(group)),
          orderOf(lbproxy.port, path(group)),
        ]);
        wanted[group] = theirs[group];
      }
      expect(got).toEqual(wanted);
    },
    300_000,
  );
  const theirs: Record<string, string> = {};

  it('is that of nginx when a peer comes back, 1 and 2 acceptors', async () => {
    const [theirPort, onePort, twoPort, listen] = await freePorts(4);
    const group = (returning: number): string =>
      `upstream u { server ${addresses.a} weight=2; server 127.0.0.1:${returning} max_fails=3 fail_timeout=${OUT_S}s weight=3; server ${addresses.c}; }
       server { listen 127.0.0.1:LISTEN; location / { proxy_pass http://u; } }`;
    const reference = await startNginxHttp(group(theirPort).replace('LISTEN', String(listen)), listen);
    const start = (acceptors: number, returning: number): Promise<LbproxyProcess> =>
      startLbproxy(
        `worker_processes ${acceptors}; error_log DIR/error.log; http { ${group(returning).replace('LISTEN', 'PORT1')} }`,
      );
    const [one, two] = await Promise.all([start(1, onePort), start(2, twoPort)]);
    try {
      const [wanted, ...got] = await Promise.all([
        orderWithReturn(reference.port, theirPort),
        orderWithReturn(one.port, onePort),
        orderWithReturn(two.port, twoPort),
      ]);
      expect(got).toEqual([wanted, wanted]);
      expect(wanted).toMatch(/^[ac]+ [acR]+$/);
      expect(wanted).toContain('R');
    } finally {
      await reference.stop();
    }
  }, 120_000);
});

/** How long a peer that fails is out: longer than a busy machine needs for the requests of that time. */
const OUT_S = 5;

/** 100 requests while the peer refuses, a pause longer than its time-out, 300 requests to all. */
async function orderWithReturn(port: number, returning: number): Promise<string> {
  const without = await orderOf(port, '/', 100);
  // nginx counts in whole seconds: it is over for sure after one more.
  await new Promise((resolve) => setTimeout(resolve, (OUT_S + 1) * 1000 + 200));
  const peer = await startPeer('R', returning);
  const withIt = await orderOf(port, '/', 300);
  await stopPeer(peer);
  return `${without} ${withIt}`;
}

async function orderOf(port: number, target: string, requests = REQUESTS): Promise<string> {
  let order = '';
  const bytes = `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
  for (let i = 0; i < requests; i++) {
    const answer = await exchangeOnce(port, bytes);
    order += answer.status === 200 ? answer.body : `<${answer.status}>`;
  }
  return order;
}

async function startPeer(name: string, port: number): Promise<Server> {
  const server = createServer((_req, res) => res.end(name));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

function stopPeer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
