// Clients of the whole process: one request on a new connection, and a crowd that asks in loops until it is told to stop.
import { Agent, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Port of our side of the connection. */
  readonly localPort: number;
}

export interface GetOptions {
  /** Without one the request has a connection of its own, closed afterwards. */
  readonly agent?: Agent;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Makes it a POST. */
  readonly post?: string;
}

/** Rejects on anything but a complete answer. */
export function get(port: number, path = '/', options: GetOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: options.post === undefined ? 'GET' : 'POST',
        agent: options.agent ?? false,
        headers: options.headers,
        timeout: options.timeoutMs ?? 20_000,
      },
      (res) => {
        const chunks: Buffer[] = [];
        const localPort = (res.socket.address() as AddressInfo).port;
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () => {
          if (!res.complete) return reject(new Error('the answer is cut short'));
          const body = Buffer.concat(chunks).toString('latin1');
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body, localPort });
        });
      },
    );
    req.on('timeout', () => req.destroy(new Error(`no answer to ${path} for 20 s`)));
    req.on('error', reject);
    req.end(options.post);
  });
}

/** What a crowd saw. */
export interface CrowdResult {
  readonly requests: number;
  readonly failures: readonly string[];
  /** Body → how often. */
  readonly bodies: ReadonlyMap<string, number>;
  /** Longest time from request to answer, in ms. */
  readonly slowestMs: number;
  /** Of every request. */
  readonly timesMs: readonly number[];
}

export interface Crowd {
  /** So far. */
  readonly result: CrowdResult;
  stop(): Promise<CrowdResult>;
}

export interface CrowdOptions {
  readonly clients: number;
  /** false: each request on a connection of its own. */
  readonly keepAlive: boolean;
  readonly path?: string;
  /** Every other request is a POST there, whose body has to come back. */
  readonly echoPath?: string;
  /** Pause of each client between two requests, in ms. */
  readonly pauseMs?: number;
  /** All requests together; without it they go on until stop(). */
  readonly requests?: number;
}

/** Each client asks, waits for the answer, and asks again. Everything but a complete 200 is a failure. */
export function startCrowd(port: number, options: CrowdOptions): Crowd {
  const result = {
    requests: 0,
    failures: [] as string[],
    bodies: new Map<string, number>(),
    slowestMs: 0,
    timesMs: [] as number[],
  };
  let stopped = false;
  let left = options.requests ?? Number.POSITIVE_INFINITY;
  const client = async (): Promise<void> => {
    const agent = options.keepAlive ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
    while (!stopped && left-- > 0) {
      const startedAt = performance.now();
      const isPost = options.echoPath !== undefined && result.requests % 2 === 1;
      const post = isPost ? `post ${result.requests}` : undefined;
      const what = isPost ? 'POST ' : '';
      try {
        const { status, body } = await get(port, isPost ? options.echoPath : options.path, { agent, post });
        if (status !== 200 || (isPost && body !== post))
          result.failures.push(`${what}${status} ${body.slice(0, 200)}`);
        else if (!isPost) result.bodies.set(body, (result.bodies.get(body) ?? 0) + 1);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        result.failures.push(`${what}${code ?? message}`);
      }
      result.requests++;
      const ms = performance.now() - startedAt;
      result.timesMs.push(ms);
      result.slowestMs = Math.max(result.slowestMs, ms);
      if (options.pauseMs !== undefined) await pause(options.pauseMs);
    }
    agent?.destroy();
  };
  const all = Promise.all(Array.from({ length: options.clients }, client));
  return {
    result,
    stop: async () => {
      if (options.requests === undefined) stopped = true;
      await all;
      return result;
    },
  };
}

/** The time within which 99 of 100 were answered. */
export function p99(timesMs: readonly number[]): number {
  return timesMs.toSorted((a, b) => a - b)[Math.floor(timesMs.length * 0.99)] ?? 0;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the condition holds; throws after `ms`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  ms: number,
  what: string,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await pause(20);
  }
}
