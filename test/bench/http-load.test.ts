import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Contender, listening, PLAIN_SETUP, type Running } from '../../bench/contenders/contender.ts';
import { parseWrk, wrkScript } from '../../bench/load/http-engines.ts';
import type { HttpLoad } from '../../bench/load/http-load.ts';
import { pace } from '../../bench/load/paced-client.ts';
import { verifyAnswers } from '../../bench/verify.ts';
import { freePorts } from '../support/free-ports.ts';

const LOAD: HttpLoad = { kind: 'http', connections: 4, path: '/48', answerBytes: 48 };

describe('wrk', () => {
  it('gets the request as a script', () => {
    const script = wrkScript({
      ...LOAD,
      method: 'POST',
      bodyBytes: 65_536,
      headers: { 'X-A': 'say "b"' },
      close: true,
    });
    expect(script.split('\n').slice(0, 4)).toEqual([
      'wrk.method = "POST"',
      'wrk.body = string.rep("b", 65536)',
      'wrk.headers["X-A"] = "say \\"b\\""',
      'wrk.headers["Connection"] = "close"',
    ]);
  });

  it('gives its result in microseconds', () => {
    const printed = `Running 1s test @ http://127.0.0.1:1/
  1 threads and 64 connections
RESULT {"p50":1380,"p90":2000,"p99":5100,"p999":7540,"max":8000,"requests":40000,"us":1025000,"failures":3}
`;
    expect(parseWrk(printed)).toEqual({
      ...{ requests: 40_000, seconds: 1.025, failures: 3 },
      ...{ p50Ms: 1.38, p90Ms: 2, p99Ms: 5.1, p999Ms: 7.54, maxMs: 8 },
    });
  });

  it('is told from one that failed', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:1')).toThrow('unable to connect');
  });
});

describe('requests at a steady rate', () => {
  /** A server that answers nothing for `pauseMs` from its 150th request on; its port. */
  async function pausingServer(pauseMs: number): Promise<number> {
    let count = 0;
    let pausedUntil = 0;
    const server = createServer((_, res) => {
      if (++count === 150) pausedUntil = performance.now() + pauseMs;
      setTimeout(() => res.end('x'.repeat(48)), Math.max(0, pausedUntil - performance.now()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }
  const request = 'GET /48 HTTP/1.1\r\nHost: a\r\n\r\n';

  it('are as many as the rate says, and none fails', async () => {
    const port = await pausingServer(0);
    const result = await pace({ port, request, connections: 8, rate: 200, seconds: 1 });
    expect(result).toMatchObject({ requests: 300, failures: 0 });
    expect(result.seconds).toBeGreaterThan(1.49);
  });

  it('count a pause for every request that it held up, not only for those on their way', async () => {
    const port = await pausingServer(500);
    const result = await pace({ port, request, connections: 4, rate: 200, seconds: 1 });
    // 100 of the 200 requests that count were meant to begin while nothing was answered.
    expect(result.maxMs).toBeGreaterThan(450);
    expect(result.p90Ms).toBeGreaterThan(300);
  });
});

const DIRECT: Contender = {
  ...{ name: 'direct', install: '', version: () => '1', supports: () => true, command: () => [] },
};

/** The upstream itself in the place of a contender. */
async function upstream(delayMs = 0): Promise<Running> {
  const [port] = await freePorts(1);
  const program = new URL('../../bench/upstream-server.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, String(port), '127.0.0.1', String(delayMs)], {
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill());
  await listening(port);
  const files = { certificate: { certificate: '', key: '', both: '' }, staticDir: '' };
  const place = { ...files, port, upstreams: [port], dir: '' };
  return {
    contender: DIRECT,
    setup: PLAIN_SETUP,
    place,
    pid: child.pid ?? 0,
    pinned: false,
    stop: async () => {},
  };
}

describe('the upstream of the benchmark', () => {
  it('answers with the bytes asked for, whole or in chunks, on kept connections', async () => {
    const { place } = await upstream();
    for (const [path, bytes] of [
      ['/48', 48],
      ['/1048576', 2 ** 20],
      ['/chunked/10000', 10_000],
      ['/headers', 48],
    ] as const) {
      const res = await fetch(`http://127.0.0.1:${place.port}${path}`);
      expect(await res.text()).toBe('x'.repeat(bytes));
    }
  });

  it('answers with 30 header fields', async () => {
    const { place } = await upstream();
    const res = await fetch(`http://127.0.0.1:${place.port}/headers`);
    expect([...res.headers].length).toBe(30);
  });

  it('tells what arrived, bodies with a length and in chunks', async () => {
    const { place } = await upstream();
    const url = `http://127.0.0.1:${place.port}/seen`;
    const withLength = await fetch(url, {
      method: 'POST',
      body: 'b'.repeat(200_000),
      headers: { 'X-A': '1' },
    });
    expect(await withLength.json()).toMatchObject({
      method: 'POST',
      bodyBytes: 200_000,
      headers: { 'x-a': '1' },
    });
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('hello'));
        controller.close();
      },
    });
    const chunked = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect(await chunked.json()).toMatchObject({ headers: { 'transfer-encoding': 'chunked' } });
  });

  it('waits as long as it is told to', async () => {
    const { place } = await upstream(60);
    const startedAt = performance.now();
    await (await fetch(`http://127.0.0.1:${place.port}/48`)).text();
    expect(performance.now() - startedAt).toBeGreaterThan(55);
  });
});

describe('verification', () => {
  it('refuses a wrong length', async () => {
    const running = await upstream();
    await expect(verifyAnswers(running, { ...LOAD, answerBytes: 47 })).rejects.toThrow(
      'wrong answer of direct to /48: status 200, 48 bytes, not 47 bytes',
    );
  });

  it('refuses other content', async () => {
    const running = await upstream();
    await expect(verifyAnswers(running, { ...LOAD, path: '/seen', answerBytes: 48 })).rejects.toThrow(
      'other content',
    );
  });

  it('refuses a contender that does not pass the client’s address', async () => {
    const running = await upstream();
    await expect(verifyAnswers(running, LOAD)).rejects.toThrow('direct sent "x-real-ip: " to the upstream');
  });

  it('takes right answers', async () => {
    const running = await upstream();
    await verifyAnswers(running, {
      ...LOAD,
      headers: { 'X-Real-IP': '127.0.0.1' },
      method: 'POST',
      bodyBytes: 99_999,
    });
  });
});
