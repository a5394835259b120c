// Opening sockets: what cannot be reached, what is given up on the way, and what becomes of connections that nobody takes.
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Accepted, acceptBare, socketOf, turnAway } from '../../src/socket/accepted.ts';
import type { ByteSocket } from '../../src/socket/byte-socket.ts';
import { type ConnectTarget, connectSocket } from '../../src/socket/connect-socket.ts';
import { runNode } from '../support/run-node.ts';
import { deadPort } from '../support/upstream.ts';
import { closeAll, newPath, removeFiles, watched } from './makes.ts';
import { Recorder } from './recorder.ts';

afterEach(closeAll);
afterAll(removeFiles);

/** How an attempt to connect came out: 'connected' or the error's code. */
function attempt(
  target: ConnectTarget,
): Promise<{ came: string; error?: NodeJS.ErrnoException; socket?: ByteSocket }> {
  return new Promise((resolve) => {
    const owner = new Recorder();
    let returned = false;
    const inTime = (came: string): string => (returned ? came : `${came} inside of connectSocket`);
    owner.onConnected = (socket) => resolve({ came: inTime('connected'), socket: owner.of(socket) });
    owner.onNotConnected = (error) => resolve({ came: inTime(error.code ?? error.message), error });
    connectSocket(target, owner);
    returned = true;
  });
}

describe('connectSocket', () => {
  it.each(['127.0.0.1', '::1', 'localhost'])('tells that %s refuses', async (host) => {
    const port = await deadPort();
    const { came, error } = await attempt({ host, port });
    expect(came).toBe('ECONNREFUSED');
    if (host !== 'localhost') expect(error?.message).toBe(`connect ECONNREFUSED ${host}:${port}`);
  });

  it('tells of an address that cannot be reached at all', async () => {
    // A multicast address is nobody's.
    expect((await attempt({ host: '224.0.0.1', port: 9 })).came).toMatch(/^E(NETUNREACH|HOSTUNREACH|INVAL)$/);
  });

  it('tells of a path that is missing, no socket, left over, or too long', async () => {
    expect((await attempt({ path: newPath() })).came).toBe('ENOENT');
    const file = join(tmpdir(), `lbproxy-no-socket-${process.pid}`);
    writeFileSync(file, '');
    expect((await attempt({ path: file })).came).toBe('ECONNREFUSED');
    rmSync(file);
    expect((await attempt({ path: `/tmp/${'x'.repeat(300)}` })).came).toMatch(/^E(NAMETOOLONG|INVAL|NOENT)$/);
    expect((await attempt({ path: '' })).came).toMatch(/^E/);
  });

  it('connects to a name', async () => {
    const server = createServer((socket) => watched(socket).end('hello')).listen(0, 'localhost');
    await once(server, 'listening');
    const { came, socket } = await attempt({
      host: 'localhost',
      port: (server.address() as AddressInfo).port,
    });
    expect(came).toBe('connected');
    socket?.destroy();
    server.close();
  });

  it('says nothing after cancel, whenever that is', async () => {
    let accepted = 0;
    let closed = 0;
    const server = createServer((socket) => {
      accepted++;
      watched(socket).on('close', () => closed++);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const dead = await deadPort();
    const calls: string[] = [];
    for (const [host, to] of [
      ['127.0.0.1', port],
      ['localhost', port],
      ['127.0.0.1', dead],
      ['localhost', dead],
      // Nobody answers there.
      ['10.255.255.1', 9],
    ] as const) {
      for (const wait of [-1, 0]) {
        const owner = new Recorder();
        let cancelled = false;
        owner.onConnected = () => cancelled && calls.push(`${host} connected`);
        owner.onNotConnected = (error) => cancelled && calls.push(`${host} ${error.code}`);
        const connecting = connectSocket({ host, port: to }, owner);
        if (wait === 0) await Promise.resolve();
        cancelled = true;
        connecting.cancel();
        connecting.cancel();
      }
    }
    await sleep(100);
    expect(calls).toEqual([]);
    await expect.poll(() => accepted - closed).toBe(0);
    server.close();
  });

  it('says nothing after cancel inside of its call', async () => {
    const owner = new Recorder();
    let calls = 0;
    const connecting = connectSocket({ host: '127.0.0.1', port: await deadPort() }, owner);
    owner.onNotConnected = () => {
      calls++;
      connecting.cancel();
    };
    await expect.poll(() => calls).toBe(1);
    await sleep(50);
    expect(calls).toBe(1);
  });

  it('gives every descriptor back', async () => {
    const server = createServer((socket) => watched(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const dead = await deadPort();
    const open = (): number =>
      process.getActiveResourcesInfo().filter((what) => /TCP|Pipe/.test(what)).length;
    const before = open();
    for (let i = 0; i < 50; i++) {
      const owner = new Recorder();
      connectSocket({ host: '127.0.0.1', port: i % 2 === 0 ? port : dead }, owner).cancel();
      await attempt({ host: '127.0.0.1', port: dead });
      (await attempt({ host: '127.0.0.1', port })).socket?.destroy();
    }
    await sleep(50);
    closeAll();
    await expect.poll(open).toBeLessThanOrEqual(before);
    server.close();
  });

  it('is told when the process has no descriptors left, and connects when it has some again', async () => {
    const script = `
      import { openSync, closeSync } from 'node:fs';
      import { createServer } from 'node:net';
      import { connectSocket } from './src/socket/connect-socket.ts';
      const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        const fds = [];
        try { for (;;) fds.push(openSync('/dev/null')); } catch {}
        const come = [];
        const attempt = (target, next) => connectSocket(target, {
          onConnected(socket) { come.push('connected'); socket.destroy(); next(); },
          onNotConnected(error) { come.push(error.code); next(); },
          onBytes() {}, onEnd() {}, onDrained() {}, onClosed() {},
        });
        attempt({ host: '127.0.0.1', port }, () => attempt({ path: '/tmp/none' }, () => {
          for (const fd of fds) closeSync(fd);
          attempt({ host: '127.0.0.1', port }, () => { console.log(come.join(' ')); process.exit(0); });
        }));
      });`;
    expect(await runNode(script, 'ulimit -n 64')).toBe('EMFILE EMFILE connected');
  });
});

describe('accepted connections', () => {
  async function bareServer(accept: (accepted: Accepted) => void): Promise<number> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(acceptBare(server, accept)).toBe(true);
    serversOpen.push(server);
    return (server.address() as AddressInfo).port;
  }
  const serversOpen: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of serversOpen.splice(0)) server.close();
  });

  it('come as handles, and are closed when turned away', async () => {
    const kinds: boolean[] = [];
    const port = await bareServer((accepted) => {
      kinds.push(accepted instanceof Socket);
      turnAway(accepted);
    });
    const client = watched(connect(port, '127.0.0.1'));
    client.resume();
    await once(client, 'close');
    expect(kinds).toEqual([false]);
  });

  it('that came as public sockets, before handles could be had, work as well', async () => {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const owner = new Recorder();
    const socket = new Promise<ByteSocket>((resolve) => {
      server.on('connection', (accepted: Socket) => resolve(owner.of(socketOf(accepted, owner))));
    });
    const client = watched(connect((server.address() as AddressInfo).port, '127.0.0.1'));
    client.write('question');
    owner.bytes = (buf, length, own) => own.writeFramed('<', buf, 0, length, '>');
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toBe('<question>');
    (await socket).destroy();
    expect(await owner.gone()).toBe('closed');
    server.close();
  });

  it('are closed at the end of the process’s descriptors, and the listener serves on', async () => {
    const script = `
      import { openSync, closeSync } from 'node:fs';
      import { connect, createServer } from 'node:net';
      import { acceptBare, socketOf } from './src/socket/accepted.ts';
      const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        acceptBare(server, (accepted) => {
          const own = socketOf(accepted, {
            onBytes() { own.writeText('hello'); own.closeSoon(); }, onEnd() {}, onDrained() {}, onClosed() {},
          });
        });
        const ask = (done) => {
          let text = '';
          const client = connect(port, '127.0.0.1', () => client.write('x'));
          client.on('data', (chunk) => { text += chunk; });
          client.on('error', () => {});
          client.on('close', () => done(text === '' ? 'lost' : text));
          return client;
        };
        // One descriptor is left for the client itself.
        const fds = [];
        try { for (;;) fds.push(openSync('/dev/null')); } catch {}
        closeSync(fds.pop());
        const first = ask((came) => {
          for (const fd of fds) closeSync(fd);
          ask((later) => { console.log(came, later); process.exit(0); });
        });
        setTimeout(() => first.destroy(), 300);
      });`;
    expect(await runNode(script, 'ulimit -n 64')).toMatch(/^(lost|hello) hello$/);
  });
});
