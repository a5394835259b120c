// 2,000 mixed requests, each with a token of its own in target, field and body: every complete answer holds its own bytes and no
// other's, and a body that its peer cut short never ends cleanly.
import { createHash } from 'node:crypto';
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { startUpstream, type TestPeer } from '../support/upstream.ts';

const peers: TestPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
});

const REQUESTS = 2000;
const PARALLEL = 40;

/** What one request asks for; all derived from its number, so that a failure can be repeated. */
interface Plan {
  readonly token: string;
  readonly upBytes: number;
  readonly downBytes: number;
  readonly chunkedUp: boolean;
  readonly chunkedDown: boolean;
  readonly keepAlive: boolean;
  /** The client leaves after so many bytes of the answer; -1 = never. */
  readonly abortAfter: number;
  /** The peer breaks its answer off in the middle. */
  readonly cut: boolean;
}

/** xorshift: the same numbers at every run. */
function numbers(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

function planOf(i: number): Plan {
  const next = numbers(i * 2_654_435_761 + 1);
  for (let k = 0; k < 5; k++) next();
  const size = (): number => {
    const kind = next();
    if (kind < 0.2) return 0;
    if (kind < 0.7) return Math.floor(next() * 2000);
    if (kind < 0.95) return Math.floor(next() * 100_000);
    return Math.floor(next() * 5_000_000);
  };
  const downBytes = size();
  return {
    token: `t${i}x${createHash('sha256').update(`${i}`).digest('hex').slice(0, 16)}`,
    upBytes: size(),
    downBytes,
    chunkedUp: next() < 0.5,
    chunkedDown: next() < 0.5,
    keepAlive: next() < 0.8,
    abortAfter: next() < 0.1 ? Math.floor(next() * downBytes) : -1,
    cut: next() < 0.1 && downBytes > 0,
  };
}

/** The token again and again. */
function bytesOf(token: string, length: number): Buffer {
  return Buffer.alloc(length, `${token}|`);
}

/** Answers by the plan in the request's own fields; says what the body was that arrived. */
function answer(req: IncomingMessage, res: ServerResponse): void {
  const hash = createHash('sha256');
  req.on('error', () => {});
  req.on('data', (chunk) => hash.update(chunk));
  req.on('end', () => {
    const token = String(req.headers['x-token']);
    const down = Number(req.headers['x-down']);
    res.setHeader('X-Token', token);
    res.setHeader('X-Url', String(req.url));
    res.setHeader('X-Body-Hash', hash.digest('hex'));
    if (req.headers['x-chunked'] !== 'yes') res.setHeader('Content-Length', down);
    const body = bytesOf(token, down);
    if (req.headers['x-cut'] !== 'yes') return res.end(body);
    res.write(body.subarray(0, Math.floor(down / 2)));
    setTimeout(() => res.socket?.destroy(), 5);
  });
}

interface Result {
  readonly complete: boolean;
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });

function run(port: number, plan: Plan): Promise<Result> {
  return new Promise((resolve) => {
    const up = bytesOf(plan.token, plan.upBytes);
    const chunks: Buffer[] = [];
    let received = 0;
    const fail = (): void =>
      resolve({ complete: false, status: 0, headers: {}, body: Buffer.concat(chunks) });
    const req = request(
      {
        host: '127.0.0.1',
        port,
        method: plan.upBytes > 0 ? 'POST' : 'GET',
        path: `/${plan.token}?${plan.token}`,
        agent: plan.keepAlive ? agent : false,
        headers: {
          'X-Token': plan.token,
          'X-Down': plan.downBytes,
          'X-Chunked': plan.chunkedDown ? 'yes' : 'no',
          'X-Cut': plan.cut ? 'yes' : 'no',
          ...(plan.chunkedUp ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': plan.upBytes }),
        },
      },
      (res) => {
        res.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          received += chunk.length;
          if (plan.abortAfter >= 0 && received > plan.abortAfter) req.destroy();
        });
        res.on('error', fail);
        res.on('close', () => {
          const { complete, headers, statusCode } = res;
          resolve({ complete, status: statusCode ?? 0, headers, body: Buffer.concat(chunks) });
        });
      },
    );
    req.on('error', fail);
    req.end(up);
  });
}

/** What is wrong with a result; '' when nothing is. */
function judge(plan: Plan, result: Result): string {
  const own = bytesOf(plan.token, plan.downBytes);
  if (result.status === 0) return plan.cut || plan.abortAfter >= 0 ? '' : 'no answer';
  if (result.status === 502 && plan.cut) return '';
  if (result.status !== 200) return `status ${result.status}`;
  if (result.headers['x-token'] !== plan.token) return `token of another: ${result.headers['x-token']}`;
  if (result.headers['x-url'] !== `/${plan.token}?${plan.token}`)
    return `url of another: ${result.headers['x-url']}`;
  const sent = createHash('sha256').update(bytesOf(plan.token, plan.upBytes)).digest('hex');
  if (result.headers['x-body-hash'] !== sent) return 'another body arrived at the peer';
  if (!own.subarray(0, result.body.length).equals(result.body)) return 'bytes of another in the body';
  if (plan.cut) return result.complete ? 'a body that was cut short ended cleanly' : '';
  if (plan.abortAfter >= 0) return '';
  return result.complete && result.body.length === own.length ? '' : 'not complete';
}

it('keeps 2,000 mixed requests apart', { timeout: 120_000 }, async () => {
  for (let i = 0; i < 4; i++) peers.push(await startUpstream(answer));
  const lbproxy = await startLbproxy(`worker_processes 2; error_log DIR/error.log;
    http { client_max_body_size 0; upstream u { ${peers.map((p) => `server ${p.address} max_fails=0;`).join(' ')} }
      server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } } }`);
  const problems: string[] = [];
  let cut = 0;
  let complete = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < REQUESTS) {
      const i = next++;
      const plan = planOf(i);
      const result = await run(lbproxy.port, plan);
      const problem = judge(plan, result);
      if (problem !== '') problems.push(`${i}: ${problem} ${JSON.stringify(plan)}`);
      if (plan.cut) cut++;
      if (result.complete) complete++;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  agent.destroy();
  expect(problems.slice(0, 10)).toEqual([]);
  expect(cut).toBeGreaterThan(50);
  expect(complete).toBeGreaterThan(1400);
});
