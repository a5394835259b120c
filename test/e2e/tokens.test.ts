// No byte for the wrong client: thousands of mixed requests, each with a token in URL, field and body that nobody else may see.
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startLbproxy } from '../support/lbproxy-process.ts';

const REQUESTS = 2000;
const CONCURRENCY = 24;

/** What one request does; all of it follows from its number. */
interface Plan {
  readonly token: string;
  readonly upBytes: number;
  readonly upChunked: boolean;
  readonly downBytes: number;
  readonly framing: 'length' | 'chunked' | 'close';
  /** The peer ends its answer after so many bytes of the body; -1 = it is complete. */
  readonly cutAt: number;
  readonly cutWith: 'FIN' | 'RST';
  /** The client leaves after so many bytes of the answer; -1 = it stays. */
  readonly leaveAt: number;
  /** The client leaves in the middle of its own body. */
  readonly leaveUp: boolean;
  readonly keepAlive: boolean;
}

/** A body that is the token's and no other's at every place. */
const bodyOf = (token: string, bytes: number): Buffer => Buffer.alloc(bytes, `${token};`);

/** Numbers from 0 to 1 that look random and are the same in every run. */
function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

function planOf(n: number): Plan {
  const random = randomOf(n);
  for (let i = 0; i < 5; i++) random();
  const size = (): number => {
    const kind = random();
    const most =
      kind < 0.1 ? 0 : kind < 0.6 ? 3000 : kind < 0.9 ? 70_000 : kind < 0.985 ? 500_000 : 5_000_000;
    return Math.floor(random() * most);
  };
  const downBytes = size();
  const upBytes = random() < 0.5 ? 0 : size();
  const framing = (['length', 'chunked', 'close'] as const)[Math.floor(random() * 3)];
  const cut = framing !== 'close' && downBytes > 0 && random() < 0.08;
  return {
    token: `token-${n}-${Math.floor(random() * 1e9)}`,
    upBytes,
    upChunked: random() < 0.5,
    downBytes,
    framing,
    cutAt: cut ? Math.floor(random() * downBytes) : -1,
    cutWith: random() < 0.5 ? 'FIN' : 'RST',
    leaveAt: !cut && random() < 0.06 ? Math.floor(random() * downBytes) : -1,
    leaveUp: upBytes > 1000 && random() < 0.06,
    keepAlive: random() < 0.7,
  };
}

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

/** A peer that checks what it is sent against the plan and answers as the plan says. */
async function startTokenPeer(problems: string[]): Promise<number> {
  const answer = (req: IncomingMessage, res: ServerResponse, body: Buffer): void => {
    const number = Number(/^\/token-(\d+)-/.exec(req.url ?? '')?.[1]);
    const plan = planOf(number);
    if (req.url !== `/${plan.token}`) problems.push(`the peer got ${req.url} for ${plan.token}`);
    if (req.headers['x-token'] !== plan.token)
      problems.push(`${plan.token} came with ${req.headers['x-token']}`);
    if (!body.equals(bodyOf(plan.token, plan.upBytes)))
      problems.push(`${plan.token}: not the body that was sent`);
    res.setHeader('X-Token', plan.token);
    if (plan.framing === 'length') res.setHeader('Content-Length', plan.downBytes);
    if (plan.framing === 'close') {
      res.useChunkedEncodingByDefault = false;
      res.setHeader('Connection', 'close');
    }
    const whole = bodyOf(plan.token, plan.downBytes);
    if (plan.cutAt < 0) return void res.end(whole);
    res.flushHeaders();
    const socket = res.socket;
    res.write(whole.subarray(0, plan.cutAt), () =>
      plan.cutWith === 'FIN' ? socket?.end() : setTimeout(() => socket?.resetAndDestroy(), 5),
    );
    if (plan.cutAt === 0) setTimeout(() => socket?.destroy(), 5);
  };
  // A POST on a connection that the peer is closing would be lost.
  const server = createServer({ keepAliveTimeout: 120_000 }, (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => answer(req, res, Buffer.concat(chunks)));
    // The client that lbproxy speaks for left.
    req.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
  return (server.address() as AddressInfo).port;
}

type Outcome = 'complete' | 'broken' | 'left';

/** Sends one request by its plan; tells how it ended, and what was wrong with it. */
function run(
  port: number,
  plan: Plan,
  agent: Agent | undefined,
): Promise<{ outcome: Outcome; problem: string }> {
  return new Promise((resolve) => {
    const end = (outcome: Outcome, problem = ''): void => resolve({ outcome, problem });
    const up = bodyOf(plan.token, plan.upBytes);
    const headers: Record<string, string | number> = { 'X-Token': plan.token };
    if (!plan.upChunked && up.length > 0) headers['Content-Length'] = up.length;
    const method = up.length > 0 ? 'POST' : 'GET';
    const req = request(
      { port, host: '127.0.0.1', agent: agent ?? false, method, path: `/${plan.token}`, headers },
      (res) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        const check = (): string => {
          const expected = bodyOf(plan.token, plan.downBytes).subarray(0, bytes);
          if (res.statusCode !== 200) return `status ${res.statusCode}`;
          if (res.headers['x-token'] !== plan.token) return `the answer to ${res.headers['x-token']}`;
          return Buffer.concat(chunks).equals(expected) ? '' : 'bytes of another answer';
        };
        res.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (plan.leaveAt >= 0 && bytes > plan.leaveAt) {
            end('left', check());
            req.destroy();
          }
        });
        res.on('end', () => {
          const problem = check();
          if (problem === '' && bytes !== plan.downBytes)
            end('complete', `${bytes} of ${plan.downBytes} bytes`);
          else end('complete', problem);
        });
        res.on('error', () => end('broken', check()));
      },
    );
    req.on('error', () => end('broken'));
    if (plan.leaveUp) {
      req.write(up.subarray(0, up.length >> 1), () => {
        end('left');
        req.destroy();
      });
    } else req.end(up);
  });
}

describe('2,000 mixed requests', () => {
  it('get what is theirs and nothing else, and a cut answer never looks whole', async () => {
    const problems: string[] = [];
    const peers = [await startTokenPeer(problems), await startTokenPeer(problems)];
    const lbproxy = await startLbproxy(
      `worker_processes 2; http { client_max_body_size 0;
         upstream u { ${peers.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} }
         server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } } }`,
    );
    const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY / 2 });
    const counts = { complete: 0, broken: 0, left: 0 };
    let next = 0;
    const client = async (): Promise<void> => {
      for (let n = next++; n < REQUESTS; n = next++) {
        const plan = planOf(n);
        const { outcome, problem } = await run(lbproxy.port, plan, plan.keepAlive ? agent : undefined);
        counts[outcome]++;
        if (problem !== '') problems.push(`${plan.token} ${JSON.stringify(plan)}: ${problem}`);
        const expected = plan.leaveUp ? ['left'] : plan.cutAt >= 0 ? ['broken'] : ['complete', 'left'];
        if (!expected.includes(outcome))
          problems.push(`${plan.token} ${JSON.stringify(plan)} ended ${outcome}`);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, client));
    agent.destroy();
    expect(problems.slice(0, 10)).toEqual([]);
    expect(counts.complete).toBeGreaterThan(REQUESTS * 0.7);
    expect(counts.broken).toBeGreaterThan(30);
    expect(counts.left).toBeGreaterThan(30);
    expect(lbproxy.stderr()).not.toContain('unexpected error');
  });
});
