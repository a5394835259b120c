import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { awaitHttp, type HttpCheck, watchHttp } from '../../src/supervise/ready-http.ts';
import { eventually, freePorts } from './programs.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: Server, port = 0, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  cleanups.push(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const httpServer = (listener: RequestListener, port?: number, host?: string): Promise<number> => {
  const server = createHttpServer(listener);
  cleanups.push(() => server.closeAllConnections());
  return listen(server, port, host);
};

/** Answers each connection with these bytes. */
function rawServer(bytes: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  cleanups.push(() => sockets.forEach((socket) => void socket.destroy()));
  return listen(
    createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => bytes(socket));
    }),
  );
}

function start(check: HttpCheck) {
  let ready = 0;
  const wait = awaitHttp(check, () => ready++);
  cleanups.push(wait);
  return { wait, ready: () => ready, why: () => eventually(() => wait.why() ?? undefined) };
}

const answers = (port: number, statuses: readonly number[] = []): HttpCheck => ({
  port,
  path: '/health?a=b',
  statuses,
});

describe('awaitHttp', () => {
  it('asks until the answer is good, and then no more', async () => {
    const asked: (string | undefined)[] = [];
    const open = new Set<Socket>();
    const port = await httpServer((request, response) => {
      open.add(request.socket);
      request.socket.once('close', () => open.delete(request.socket));
      asked.push(`${request.method} ${request.url} ${request.headers.host}`);
      response.statusCode = asked.length < 3 ? 503 : 204;
      response.end();
    });
    const { ready, wait } = start(answers(port));
    await eventually(() => ready() === 1);
    expect(asked).toEqual(Array(3).fill(`GET /health?a=b localhost:${port}`));
    expect(wait.why()).toBeNull();
    await eventually(() => open.size === 0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect([asked.length, ready()]).toEqual([3, 1]);
  });

  it('waits for a port that does not accept yet, on ::1 too', async () => {
    const port = await freePorts(1);
    const { ready, why } = start(answers(port));
    expect(await why()).toBe(`nothing accepts on port ${port}`);
    await httpServer((_, response) => response.end('hello'), port, '::1');
    await eventually(() => ready() === 1);
  });

  it.each([
    [399, [], null],
    [400, [], 'is answered with 400, not 200 to 399'],
    [503, [200, 503], null],
    [204, [200, 503], 'is answered with 204, not 200, 503'],
  ])('takes %i of %j for %s', async (status, statuses, problem) => {
    const port = await httpServer((_, response) => response.writeHead(status).end());
    const { ready, why } = start(answers(port, statuses));
    if (problem === null) await eventually(() => ready() === 1);
    else expect(await why()).toBe(`GET /health?a=b on port ${port} ${problem}`);
  });

  it.each([
    [
      'an answer in pieces behind interim ones',
      ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n', '\r\nHTT', 'P/1.0 200', ' OK\r\n'],
      null,
    ],
    ['something else', ['SSH-2.0-OpenSSH\r\n'], 'is not answered in HTTP'],
    ['an endless line', [`HTTP/1.1 100 ${'x'.repeat(40_000)}`], 'is not answered in HTTP'],
    ['HTTP/2', ['\0\0\x12\x04'], 'is not answered in HTTP'],
    ['nothing', [], 'is not answered: the connection ends without one'],
  ])('reads %s', async (_, pieces, problem) => {
    const port = await rawServer(async (socket) => {
      for (const piece of pieces) {
        socket.write(piece, 'latin1');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      socket.end();
    });
    const { ready, why } = start(answers(port));
    if (problem === null) await eventually(() => ready() === 1);
    else expect(await why()).toBe(`GET /health?a=b on port ${port} ${problem}`);
  });

  it('does not wait for ever for an answer, and leaves no connection open', async () => {
    let open = 0;
    const port = await rawServer((socket) => {
      open++;
      socket.once('close', () => open--);
    });
    const { wait, why } = start({ ...answers(port), tryMs: 100 });
    expect(await why()).toBe(`GET /health?a=b on port ${port} is not answered within 100 ms`);
    wait();
    await eventually(() => open === 0);
  });

  it('is ended in the middle of a try', async () => {
    let open = 0;
    const port = await rawServer((socket) => {
      open++;
      socket.once('close', () => open--);
    });
    const { wait, ready } = start(answers(port));
    await eventually(() => open === 1);
    wait();
    await eventually(() => open === 0);
    expect(ready()).toBe(0);
  });
});

describe('watchHttp', () => {
  it('tells the loss once, after two bad answers in a row', { timeout: 20_000 }, async () => {
    const statuses = [500, 200, 500, 500];
    let asked = 0;
    const port = await httpServer((_, response) => response.writeHead(statuses[asked++] ?? 200).end());
    const lost: string[] = [];
    cleanups.push(watchHttp(answers(port), (why) => lost.push(why)));
    await eventually(() => lost.length > 0, 15_000);
    expect(asked).toBe(4);
    expect(lost).toEqual([`GET /health?a=b on port ${port} is answered with 500, not 200 to 399`]);
  });
});
