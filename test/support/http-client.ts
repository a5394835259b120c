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
}

/** Rejects on anything but a complete answer. */
export function get(port: number, path = '/', options: GetOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: '127.0.0.1',
        port,
        path,
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
    req.end();
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
  /** Pause of each client between two requests, in ms. */
  readonly pauseMs?: number;
  /** All requests together; without it they go on until stop(). */
  readonly requests?: number;
}

/** Each client asks, waits for the answer, and asks again. Everything but a complete 200 is a failure. */
export function startCrowd(port: number, options: CrowdOptions): Crowd {
  const result = { requests: 0, failures: [] as string[], bodies: new Map<string, number>(), slowestMs: 0 };
  let stopped = false;
  let left = options.requests ?? Number.POSITIVE_INFINITY;
  const client = async (): Promise<void> => {
    const agent = options.keepAlive ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
    while (!stopped && left-- > 0) {
      const startedAt = performance.now();
      try {
        const { status, body } = await get(port, options.path, { agent });
        if (status === 200) result.bodies.set(body, (result.bodies.get(body) ?? 0) + 1);
        else result.failures.push(`${status} ${body.slice(0, 200)}`);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        result.failures.push(code ?? message);
      }
      result.requests++;
      result.slowestMs = Math.max(result.slowestMs, performance.now() - startedAt);
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
