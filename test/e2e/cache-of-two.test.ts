// Two acceptors under load on one cache: whatever they do at the same moment, each answer is whole and one that the peer gave for this very
// request, and nothing but answers is left in the directory.
import { readdirSync } from 'node:fs';
import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { get, until } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';

/** Of each acceptor. */
const CLIENTS = 6;
const REQUESTS = 50;
const KINDS = ['red', 'blue'];
/** What holds; what never does; what depends on a field of the request. */
const PATHS = ['/kept/1', '/kept/2', '/old/1', '/old/2', '/vary/1'];

let peer: TestPeer | null = null;
/** Path and kind → how many answers there were. */
let given = new Map<string, number>();

afterEach(async () => {
  await peer?.close();
  peer = null;
});

describe('a cache of two acceptors', () => {
  it('serves what the peer gave, whole', { timeout: 60_000 }, async () => {
    given = new Map();
    peer = await startUpstream(answer);
    const lbproxy = await startLbproxy(configuration(peer.address));
    const pids = lbproxy.acceptorPids();
    expect(pids.length).toBe(2);
    const states = new Set<unknown>();
    const ask = async (agent: Agent, path: string, kind: string): Promise<unknown> => {
      const { status, headers, body } = await get(lbproxy.port, path, { agent, headers: { 'X-Kind': kind } });
      states.add(headers['x-cache']);
      const [key, version] = body.slice(0, body.indexOf('\n')).split('#');
      expect([status, key]).toEqual([200, `${path} ${kind}`]);
      expect(Number(version)).toBeLessThanOrEqual(given.get(key) ?? 0);
      // Not compared by toBe: the difference of two long texts would be shown.
      expect(body === bodyOf(key, Number(version)), `${key} ${version}: ${body.length} bytes`).toBe(true);
      return headers['x-pid'];
    };
    const client = async (agent: Agent, n: number): Promise<unknown[]> => {
      const by = new Set<unknown>();
      for (let i = 0; i < REQUESTS; i++)
        by.add(await ask(agent, PATHS[(n + i) % PATHS.length], KINDS[(n + i) % 2]));
      return [...by];
    };
    const agents = [await connectTo(lbproxy, pids[0]), await connectTo(lbproxy, pids[1])];
    const served = await Promise.all(agents.flat().map(client));

    expect(served.flat().map(Number)).toEqual(pids.flatMap((pid) => Array(CLIENTS).fill(pid)));
    expect([...states]).toEqual(expect.arrayContaining(['MISS', 'HIT', 'STALE']));
    const left = (): string[] =>
      readdirSync(`${lbproxy.dir}/cache`, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\.(?:lock|new|uses)$/.test(name),
      );
    for (const agent of agents.flat()) agent.destroy();
    await until(() => left().length === 0, 20_000, 'no lock and no half answer in the directory');
  });
});

/** Connections that this acceptor serves: nobody else runs while they are made. */
async function connectTo(lbproxy: LbproxyProcess, pid: number): Promise<Agent[]> {
  const others = lbproxy.acceptorPids().filter((other) => other !== pid);
  for (const other of others) process.kill(other, 'SIGSTOP');
  const agents = Array.from({ length: CLIENTS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  await Promise.all(agents.map((agent) => get(lbproxy.port, '/alive', { agent })));
  for (const other of others) process.kill(other, 'SIGCONT');
  return agents;
}

/** Every third answer anew to what never holds is none: an error, or one that is cut. */
function answer(req: IncomingMessage, res: ServerResponse): void {
  const path = req.url ?? '';
  const key = `${path} ${req.headers['x-kind']}`;
  const version = (given.get(key) ?? 0) + 1;
  given.set(key, version);
  const body = Buffer.from(bodyOf(key, version), 'latin1');
  res.shouldKeepAlive = false;
  res.setHeader('X-Accel-Expires', path.startsWith('/old') ? '@1' : '100');
  if (path.startsWith('/vary')) res.setHeader('Vary', 'X-Kind');
  if (version % 2 === 0) res.setHeader('Content-Length', body.length);
  if (path.startsWith('/old') && version % 6 === 3) {
    res.statusCode = 500;
    return void res.end('no');
  }
  res.write(body.subarray(0, body.length / 2), () => {
    if (path.startsWith('/old') && version % 6 === 0) res.destroy();
    else res.end(body.subarray(body.length / 2));
  });
}

function bodyOf(key: string, version: number): string {
  const line = `${key}#${version}\n`;
  // Longer than the buffers of an answer, and each version of another length.
  return `${line.repeat(6000 + version)}end`;
}

function configuration(address: string): string {
  return `worker_processes 2;
  http {
    proxy_cache_path DIR/cache levels=1:2 keys_zone=one:1m;
    server { listen 127.0.0.1:PORT1;
      add_header X-Pid $pid always; add_header X-Cache $upstream_cache_status always;
      proxy_http_version 1.1;
      proxy_cache one; proxy_cache_lock on; proxy_cache_lock_age 60s; proxy_cache_lock_timeout 60s;
      proxy_cache_use_stale updating error http_500; proxy_cache_background_update on;
      proxy_cache_key $uri;
      location = /alive { return 204; }
      location / { proxy_pass http://${address}; }
      location /old/ { proxy_cache_key "$uri $http_x_kind"; proxy_pass http://${address}; }
      location /kept/ { proxy_cache_key "$uri $http_x_kind"; proxy_pass http://${address}; }
    }
  }`;
}
