// The classic deployment with a real Tornado: config/tornado.json starts the app's processes and feeds them; the app sees its clients
// as they are, long polls last, and a chat over WebSocket works through TLS.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { type Answer, exchangeOnce, field, readAnswer } from '../support/wire.ts';

/** Debian's python3-tornado belongs to this interpreter, whatever python3 comes first in PATH. */
const PATH = `/usr/bin:${process.env.PATH}`;
const hasTornado =
  spawnSync('python3', ['-c', 'import tornado'], { env: { ...process.env, PATH } }).status === 0;
if (!hasTornado) {
  const why = 'python3-tornado is missing';
  if (process.env.CI) throw new Error(`${why}: in CI the deployment with Tornado must run`);
  console.warn(`\n*** ${why}: the deployment with Tornado is SKIPPED ***\n`);
}

const CONFIG_DIR = fileURLToPath(new URL('../../config', import.meta.url));
const CLIENT = '127.0.0.55';
const FORGED = [
  'X-Real-IP: 192.0.2.1',
  'X-Scheme: gopher',
  'X-Forwarded-For: 192.0.2.2',
  'X-Forwarded-Proto: ftp',
  'X_Real_IP: 192.0.2.3',
];

/** The shipped example with this run's ports, two acceptors, and a location that tells which acceptor answers. */
async function startExample(numprocs: number): Promise<{ lbproxy: LbproxyProcess; apps: number[] }> {
  const apps = await freePorts(numprocs);
  const text = readFileSync(`${CONFIG_DIR}/tornado.json`, 'utf8')
    .replace('"acceptors": "auto"', '"acceptors": 2')
    .replace('"numprocs": 4, "first_port": 8001', `"numprocs": ${numprocs}, "first_port": ${apps[0]}`)
    .replace('["8080", "8443 ssl"]', '["127.0.0.1:PORT1", "127.0.0.1:PORT2 ssl"]')
    .replace('8081', '"127.0.0.1:PORT3"')
    .replace('"/static/":', '"/acceptor": { "return": "200 $pid" }, "/static/":');
  const lbproxy = await startLbproxy(text, { args: ['--prefix', CONFIG_DIR], env: { PATH } });
  return { lbproxy, apps };
}

function get(target: string, lines: readonly string[] = []): string {
  return `${[`GET ${target} HTTP/1.1`, 'Host: shop.example:8080', ...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`;
}

function secureSocket(port: number, localAddress?: string): Socket {
  const socket = connectTcp({ port, host: '127.0.0.1', localAddress });
  return connectTls({ socket, rejectUnauthorized: false });
}

it.skipIf(!hasTornado)(
  'Tornado sees its clients, and a long poll lasts',
  async () => {
    const { lbproxy, apps } = await startExample(4);
    const [plain, secure] = lbproxy.ports;
    const hellos = [];
    for (let i = 0; i < 8; i++) hellos.push((await exchangeOnce(plain, get('/'))).body);
    const each = apps.map((port) => `Hello ${port}`);
    expect(hellos.toSorted()).toEqual([...each, ...each].toSorted());
    expect(hellos.slice(0, 4)).toEqual(hellos.slice(4));

    const started = performance.now();
    const poll = exchangeOnce(plain, get('/longpoll?seconds=30'), { timeoutMs: 40_000 });
    const securePoll = exchangeOnce(secure, get('/longpoll?seconds=30'), {
      timeoutMs: 40_000,
      socket: secureSocket(secure),
    });

    for (const lines of [[], FORGED]) {
      const whoami = async (answer: Promise<Answer>): Promise<object> => JSON.parse((await answer).body);
      const port = expect.any(Number);
      const host = 'shop.example:8080';
      expect(await whoami(exchangeOnce(plain, get('/whoami', lines), { localAddress: CLIENT }))).toEqual({
        port,
        host,
        remote_ip: CLIENT,
        protocol: 'http',
      });
      const socket = secureSocket(secure, CLIENT);
      expect(await whoami(exchangeOnce(secure, get('/whoami', lines), { socket }))).toEqual({
        port,
        host,
        remote_ip: CLIENT,
        protocol: 'https',
      });
    }

    const file = await exchangeOnce(plain, get('/static/hello.txt'));
    expect([file.status, field(file, 'expires')]).toEqual([200, 'Thu, 31 Dec 2037 23:55:55 GMT']);
    const moved = await exchangeOnce(lbproxy.ports[2], get('/x?y'));
    expect([moved.status, field(moved, 'location')]).toEqual([302, `https://shop.example:${secure}/x?y`]);

    for (const answer of await Promise.all([poll, securePoll])) {
      expect(answer.status).toBe(200);
      expect(answer.body).toMatch(/^Hello \d+ after 30 s$/);
    }
    expect(performance.now() - started).toBeGreaterThan(29_900);
  },
  60_000,
);

it.skipIf(!hasTornado)(
  'a chat over TLS joins clients of different acceptors',
  async () => {
    const { lbproxy } = await startExample(1);
    const secure = lbproxy.ports[1];
    const sockets = await socketsOnTwoAcceptors(secure);
    const chats = sockets.map(
      (socket) => new WebSocket(`wss://localhost:${secure}/chatsocket`, { createConnection: () => socket }),
    );
    try {
      await Promise.all(chats.map((chat) => once(chat, 'open')));
      const say = async (from: number, text: string): Promise<void> => {
        const heard = chats.map((chat) => once(chat, 'message'));
        chats[from].send(text);
        for (const [data] of await Promise.all(heard)) expect(String(data)).toBe(text);
      };
      let body = '';
      const update = exchangeOnce(secure, get('/updates'), { socket: secureSocket(secure) });
      void update.then((answer) => (body = answer.body));
      // What is said before the poll is there does not reach it: the same is said until it has heard.
      const isTold = async (): Promise<boolean> => {
        await say(0, 'hello from one');
        return body !== '';
      };
      await until(isTold, 10_000, 'the update');
      expect(JSON.parse(body)).toEqual({ messages: ['hello from one'] });
      await say(1, `and ${'long '.repeat(20_000)}`);
    } finally {
      for (const chat of chats) chat.terminate();
    }
  },
  30_000,
);

/** Two TLS connections whose acceptors, asked on them, are not the same. */
async function socketsOnTwoAcceptors(port: number): Promise<[Socket, Socket]> {
  const byPid = new Map<string, Socket>();
  const spare: Socket[] = [];
  for (let i = 0; i < 500 && byPid.size < 2; i++) {
    const socket = secureSocket(port);
    const pid = await acceptorOf(socket);
    if (byPid.has(pid)) spare.push(socket);
    else byPid.set(pid, socket);
  }
  for (const socket of spare) socket.destroy();
  const [one, two] = byPid.values();
  if (one === undefined || two === undefined) throw new Error('all connections came to the same acceptor');
  return [one, two];
}

function acceptorOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.latin1Slice();
      const answer = readAnswer(text, false, false);
      if (answer === null) return;
      socket.off('data', onData);
      socket.off('error', reject);
      resolve(answer.body);
    };
    socket.on('data', onData);
    socket.on('error', reject);
    socket.write('GET /acceptor HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
}
