// `resolver` beside nginx: which peers a name leads to, what is asked of the name servers, and what becomes of a name that is not there.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { exchangeOnce, field } from '../support/wire.ts';
import { type Pair, type Side, startPair } from './pair.ts';
import { type NameServer, startNameServer, type Table } from './resolver-peers.ts';

const TABLE: Table = {
  'one.test': ['A 127.0.0.1'],
  'two.test': ['A 127.0.0.1', 'A 127.0.0.2'],
  'six.test': ['AAAA ::1'],
  'both.test': ['A 127.0.0.1', 'AAAA ::1'],
  'alias.test': ['CNAME one.test'],
  'alias2.test': ['CNAME alias.test'],
  'around.test': ['CNAME around2.test'],
  'around2.test': ['CNAME around.test'],
  'long.test': ['cut', 'A 127.0.0.1'],
  'failing.test': ['error 2'],
  'refused.test': ['error 5'],
  'empty.test': ['ttl 5'],
  localhost: ['A 127.0.0.1'],
  'Upper.test': ['A 127.0.0.1'],
  'upper.test': ['A 127.0.0.1'],
};
const NAMES = [...Object.keys(TABLE), 'none.test', 'one.test.', 'x'.repeat(70), '127.0.0.1', 'grouped'];
const PATHS = ['/', '/four/', '/six/', '/tries/'];

describe.skipIf(nginxVersion === '')('resolver', () => {
  let peer: TestPeer;
  let servers: Record<Side['name'], NameServer>;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEverywhere((req, res) => {
      res.statusCode = req.url?.startsWith('/tries/') === true ? 404 : 200;
      res.end('here');
    });
    servers = { nginx: await startNameServer(TABLE), lbproxy: await startNameServer(TABLE) };
    const ports = [servers.nginx.port, servers.lbproxy.port].map(String) as [string, string];
    pair = await startPair(configuration(peer.port), ports);
  });
  afterAll(async () => {
    await pair?.close();
    await Promise.all([servers?.nginx.close(), servers?.lbproxy.close(), peer?.close()]);
  });

  const ask = async (side: Side, path: string, name: string): Promise<{ status: number; addr: string[] }> => {
    const answer = await exchangeOnce(
      side.port,
      `GET ${path}?h=${name} HTTP/1.0\r\nHost: ref.example\r\n\r\n`,
    );
    const addr = field(answer, 'x-addr').replaceAll(`:${peer.port}`, '');
    // nginx begins with any of several.
    return { status: answer.status, addr: addr.split(', ').sort() };
  };

  it.each(NAMES.flatMap((name) => PATHS.map((path) => [path, name] as const)))(
    '%s %s',
    async (path, name) => {
      for (let times = 0; times < 2; times++) {
        const [theirs, ours] = await Promise.all(
          [pair.nginx, pair.lbproxy].map((side) => ask(side, path, name)),
        );
        const isFirst = theirs.addr.length === 1 && path !== '/tries/';
        // Where several have one, any may be first.
        if (isFirst && (name === 'two.test' || name === 'both.test')) expect(ours.addr).toHaveLength(1);
        else expect(ours).toEqual(theirs);
      }
    },
  );

  it('asked the same questions', () => {
    // A label of more than 63 bytes is none: nginx asks for it all the same.
    const unique = ({ asked }: NameServer): string[] =>
      [...new Set(asked)].filter((question) => !question.includes('xxx')).sort();
    expect(unique(servers.lbproxy)).toEqual(unique(servers.nginx));
  });

  it('does not ask again while an answer holds', async () => {
    const count = (side: Side['name']): number =>
      servers[side].asked.filter((each) => each.endsWith(' one.test')).length;
    const before = count('lbproxy');
    for (let i = 0; i < 5; i++) await ask(pair.lbproxy, '/', 'one.test');
    expect(count('lbproxy')).toBe(before);
  });
});

/** On all addresses of this machine, of both families. */
async function startEverywhere(handler: RequestListener): Promise<TestPeer> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    address: `127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function configuration(port: number): string {
  return `upstream grouped { server 127.0.0.1:${port}; }
  resolver_timeout 2s;
  server { listen {port};
    add_header X-Addr $upstream_addr always;
    set $port :${port};
    if ($arg_h = grouped) { set $port ''; }
    location / { resolver 127.0.0.1:{peer}; proxy_pass http://$arg_h$port; }
    location /four/ { resolver 127.0.0.1:{peer} ipv6=off valid=30s; proxy_pass http://$arg_h$port; }
    location /six/ { resolver 127.0.0.1:{peer} ipv6=on valid=30s; proxy_pass http://$arg_h$port; }
    location /tries/ { resolver 127.0.0.1:{peer} ipv6=off; proxy_next_upstream http_404; proxy_pass http://$arg_h$port; }
  }`;
}
