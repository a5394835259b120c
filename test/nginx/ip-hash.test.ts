// ip_hash chooses what nginx chooses: for 2,000 addresses of both kinds, bound by real clients inside a network namespace where every
// address is local, and for the recorded choices of nginx without any network.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ipHash } from '../../src/balance/ip-hash.ts';
import { Peer } from '../../src/balance/peer.ts';
import { MAIN } from '../support/main-file.ts';
import { type NginxReference, nginxVersion, startNginxHttp } from '../support/nginx.ts';
import type { Job } from './ip-hash-client.ts';

/** Groups as weights; 0 = a peer of weight 2 that is down. */
const GROUPS: Readonly<Record<string, readonly number[]>> = {
  '/plain': [1, 1, 1, 1],
  '/weights': [5, 1, 3, 2],
  '/down': [1, 0, 1, 1],
  '/both': [3, 0, 1, 4],
};
const PATHS = Object.keys(GROUPS);
const FIRST_PEER = 9001;
const RECORDED = fileURLToPath(new URL('./ip-hash.recorded.json', import.meta.url));

const NAMESPACE = `lbproxy-${process.pid}`;
const canMakeNamespace = tryNamespace();

function tryNamespace(): boolean {
  const works = nginxVersion !== '' && spawnSync('ip', ['netns', 'add', NAMESPACE]).status === 0;
  if (works) return true;
  const why = 'no network namespace can be made (needs iproute2, root and nginx)';
  if (process.env.CI) throw new Error(`${why}: in CI the comparison of ip_hash must run`);
  console.warn(`\n*** ${why}: the comparison of ip_hash with nginx is SKIPPED ***\n`);
  return false;
}

describe.skipIf(!canMakeNamespace)('ip_hash inside a namespace where every address is local', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-iphash-'));
  const [theirPort, ourPort] = [8001, 8002];
  let nginx: NginxReference;
  let lbproxy: ChildProcess;
  beforeAll(async () => {
    const inside = (...words: string[]): void =>
      void execFileSync('ip', ['netns', 'exec', NAMESPACE, ...words]);
    inside('ip', 'link', 'set', 'lo', 'up');
    // AnyIP: what is routed to lo as local can be reached, and bound where the kernel lets foreign addresses be.
    inside('ip', 'route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo');
    inside('ip', '-6', 'route', 'add', 'local', '2001:db8::/32', 'dev', 'lo');
    inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind');
    const peers = [0, 1, 2, 3].map((i) => `server { listen ${FIRST_PEER + i}; return 200 ${i}; }`).join('\n');
    nginx = await startNginxHttp(`${configuration(theirPort)} ${peers}`, theirPort, NAMESPACE);
    lbproxy = await startInside(`worker_processes 2; http { ${configuration(ourPort)} }`);
  });
  afterAll(async () => {
    await nginx?.stop();
    if (lbproxy?.exitCode === null) {
      const gone = new Promise((resolve) => lbproxy.once('close', resolve));
      lbproxy.kill('SIGTERM');
      await gone;
    }
    spawnSync('ip', ['netns', 'del', NAMESPACE]);
    rmSync(dir, { recursive: true, force: true });
  });

  async function startInside(text: string): Promise<ChildProcess> {
    const file = join(dir, 'nginx.conf');
    writeFileSync(file, text);
    const child = runInside(MAIN, ['--config', file]);
    let printed = '';
    await new Promise<void>((resolve, reject) => {
      const onData = (chunk: Buffer): void => {
        printed += chunk;
        if (printed.includes('is ready')) resolve();
      };
      child.stdout?.on('data', onData);
      child.stderr?.on('data', onData);
      child.on('close', () => reject(new Error(`lbproxy did not start: ${printed}`)));
    });
    return child;
  }

  const runInside = (script: string, args: readonly string[]): ChildProcess =>
    spawn('ip', ['netns', 'exec', NAMESPACE, process.execPath, script, ...args], {
      stdio: 'pipe',
      env: { ...process.env, XDG_STATE_HOME: join(dir, 'state') },
    });

  async function ask(port: number, clients: readonly string[], forged = ''): Promise<string[][]> {
    const job: Job = { port, paths: PATHS, clients, forged };
    const child = runInside(fileURLToPath(new URL('./ip-hash-client.ts', import.meta.url)), []);
    child.stdin?.end(JSON.stringify(job));
    let [out, err] = ['', ''];
    child.stdout?.on('data', (chunk) => (out += chunk));
    child.stderr?.on('data', (chunk) => (err += chunk));
    await new Promise((resolve) => child.once('close', resolve));
    if (err !== '') throw new Error(err);
    return JSON.parse(out);
  }

  const both = async (clients: readonly string[]): Promise<string[][]> => {
    const [wanted, got] = await Promise.all([ask(theirPort, clients), ask(ourPort, clients)]);
    expect(got).toEqual(wanted);
    return wanted;
  };

  it('is the same for 1,000 IPv4 addresses, 300 of them of 127/8', async () => {
    const others = fc.sample(ipv4(fc.integer({ min: 1, max: 223 })), { numRuns: 700, seed: 4 });
    const loopback = fc.sample(ipv4(fc.constant(127)), { numRuns: 300, seed: 5 });
    const choices = await both([...others, ...loopback]);
    expectAllUsed(choices);
  }, 60_000);

  it('is the same for 1,000 IPv6 addresses', async () => {
    const groups = fc.array(fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constant(0)), {
      minLength: 6,
      maxLength: 6,
    });
    const address = groups.map((g) => `2001:db8:${g.map((n) => n.toString(16)).join(':')}`);
    const choices = await both(fc.sample(address, { numRuns: 1000, seed: 6 }));
    expectAllUsed(choices);
  }, 60_000);

  it('cannot be forged by fields of the client', async () => {
    const clients = fc.sample(ipv4(fc.integer({ min: 1, max: 223 })), { numRuns: 50, seed: 7 });
    const forged =
      'X-Forwarded-For: 198.51.100.7\r\nX-Real-IP: 198.51.100.7\r\nForwarded: for=198.51.100.7\r\n';
    expect(await ask(ourPort, clients, forged)).toEqual(await ask(theirPort, clients));
  });

  it.skipIf(!process.env.RECORD_IP_HASH)('records choices of nginx', async () => {
    const v4 = fc.sample(ipv4(fc.integer({ min: 1, max: 223 })), { numRuns: 40, seed: 8 });
    const clients = [
      ...v4,
      '127.0.0.1',
      '1.0.0.1',
      '192.168.1.254',
      '10.255.255.255',
      '2001:db8::',
      '2001:db8::1',
      '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
      '2001:db8:1:2:3:4:5:6',
      '2001:db8::a:0:0:1',
      '2001:db8:0:1::',
    ];
    const choices = await ask(theirPort, clients);
    const lines = clients.map((client, i) => `  ${JSON.stringify([client, choices[i].map(Number)])}`);
    writeFileSync(RECORDED, `[\n${lines.join(',\n')}\n]\n`);
  });
});

function configuration(port: number): string {
  const upstreams = Object.values(GROUPS).map((weights, g) => {
    const servers = weights.map(
      (weight, i) =>
        `server 127.0.0.1:${FIRST_PEER + i} ${weight === 0 ? 'weight=2 down' : `weight=${weight}`};`,
    );
    return `upstream u${g} { ip_hash; ${servers.join(' ')} }`;
  });
  const locations = PATHS.map((path, g) => `location ${path} { proxy_pass http://u${g}; }`);
  return `${upstreams.join('\n')} server { listen ${port}; listen [::]:${port}; ${locations.join('\n')} }`;
}

const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = (first: fc.Arbitrary<number>): fc.Arbitrary<string> =>
  fc.tuple(first, octet, octet, fc.integer({ min: 1, max: 254 })).map((parts) => parts.join('.'));

/** Every peer that is up was chosen, and none that is down. */
function expectAllUsed(choices: readonly (readonly string[])[]): void {
  for (const [g, path] of PATHS.entries()) {
    const used = new Set(choices.map((answers) => answers[g]));
    const up = GROUPS[path].flatMap((weight, i) => (weight === 0 ? [] : [String(i)]));
    expect([...used].sort()).toEqual(up);
  }
}

describe('ip_hash beside the recorded choices of nginx', () => {
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8')) as [address: string, choices: number[]][];

  it('are many', () => expect(recorded.length).toBeGreaterThan(40));

  it.each(recorded)('%s', (remoteAddress, choices) => {
    const got = Object.values(GROUPS).map((weights) => {
      const peers = weights.map((weight, i) => peerOf(i, weight));
      return ipHash(peers).pick({ remoteAddress }, [], 0)?.index;
    });
    expect(got).toEqual(choices);
  });
});

function peerOf(index: number, weight: number): Peer {
  const peer = new Peer({
    address: { kind: 'tcp', host: '127.0.0.1', port: FIRST_PEER + index },
    name: `127.0.0.1:${FIRST_PEER + index}`,
    weight: weight === 0 ? 2 : weight,
    maxFails: 1,
    failTimeoutMs: 10_000,
    backup: false,
    down: weight === 0,
    maxConns: 0,
  });
  peer.index = index;
  return peer;
}
