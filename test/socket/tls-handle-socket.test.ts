// TLS on the handle: what the contract suite cannot see. Alerts on the wire, many records at once, several writes a turn.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { acceptBare } from '../../src/socket/accepted.ts';
import type { ByteSocket } from '../../src/socket/byte-socket.ts';
import { ServerTlsSocket } from '../../src/socket/server-tls-socket.ts';
import { closeAll, removeFiles, shakeHands, watched } from './makes.ts';
import { Recorder } from './recorder.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  closeAll();
});
afterAll(removeFiles);

interface Wired {
  readonly socket: ByteSocket;
  readonly owner: Recorder;
  readonly client: TLSSocket;
  /** Types of the records that the server sent so far. */
  records(): number[];
  /** Sends bytes to the server behind the client's back. */
  inject(bytes: string): void;
  /** Resets the server's connection. */
  sever(): void;
}

/** A TLS client whose bytes pass a relay that looks at them. */
async function wired(version: SecureVersion): Promise<Wired> {
  const owner = new Recorder();
  const accepted = Promise.withResolvers<ByteSocket>();
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  acceptBare(server, (handle) => shakeHands(handle, owner, accepted.resolve));
  const sent: Buffer[] = [];
  let inject = (_bytes: string): void => {};
  let sever = (): void => {};
  const relay = createServer({ allowHalfOpen: true }, (near) => {
    const far = watched(
      connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true }),
    );
    watched(near).pipe(far);
    inject = (bytes) => void far.write(bytes);
    sever = () => void far.resetAndDestroy();
    far.on('data', (chunk: Buffer) => sent.push(chunk));
    far.pipe(near);
    far.on('close', () => near.destroySoon());
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  ends.push(
    () => server.close(),
    () => relay.close(),
  );
  const client = watched(
    connectTls({
      port: (relay.address() as AddressInfo).port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
    }),
  );
  const socket = await accepted.promise;
  if (!client.authorized && client.getProtocol() === null) await once(client, 'secureConnect');
  return {
    socket,
    owner,
    client,
    records: () => recordTypes(Buffer.concat(sent)),
    inject: (bytes) => inject(bytes),
    sever: () => sever(),
  };
}

function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at]);
  return types;
}

const ALERT = 21;
const DATA = 23;

describe('a TLS handle', () => {
  it.each(['end', 'closeSoon'] as const)('says close_notify by %s', async (ending) => {
    const { socket, owner, client, records } = await wired('TLSv1.2');
    expect(socket).toBeInstanceOf(ServerTlsSocket);
    let text = '';
    client.on('data', (chunk) => {
      text += chunk;
    });
    socket.writeText('all ');
    socket.writeText('of it');
    socket[ending]();
    await once(client, 'end');
    expect(text).toBe('all of it');
    expect(records().slice(-2)).toEqual([DATA, ALERT]);
    client.end();
    expect(await owner.gone()).toBe('closed');
  });

  it.each(['destroy', 'reset'] as const)('says no close_notify by %s', async (ending) => {
    const { socket, owner, client, records } = await wired('TLSv1.2');
    socket.writeText('half');
    await once(client, 'data');
    socket[ending]();
    await once(client, 'close');
    expect(records()).toContain(DATA);
    expect(records()).not.toContain(ALERT);
    expect(await owner.gone()).toBe('closed');
    expect(owner.wrongs).toEqual([]);
  });

  it('takes many writes in one turn', async () => {
    const { socket, client } = await wired('TLSv1.3');
    let text = '';
    client.on('data', (chunk) => {
      text += chunk;
    });
    const lent = Buffer.alloc(2);
    let expected = '';
    for (let i = 0; i < 300; i++) {
      socket.writeText(`t${i} `);
      lent.latin1Write(String(i % 100).padStart(2, '0'), 0, 2);
      socket.writeFramed('<', lent, 0, 2, '>');
      socket.writeKept(Buffer.from(`k${i}`));
      expected += `t${i} <${String(i % 100).padStart(2, '0')}>k${i}`;
    }
    lent.fill(0xee);
    socket.end();
    await once(client, 'end');
    expect(text).toBe(expected);
  });

  it('hands over many small records that come in one segment, also when it is destroyed among them', async () => {
    for (const destroyAfter of [Number.POSITIVE_INFINITY, 5]) {
      const { owner, client } = await wired('TLSv1.3');
      let calls = 0;
      owner.bytes = (_buf, _length, own) => {
        if (++calls >= destroyAfter) own.destroy();
        else if (calls % 3 === 0) {
          own.pause();
          setImmediate(() => own.resume());
        }
      };
      client.setMaxSendFragment(512);
      client.write(Buffer.alloc(40_960, 'r'));
      if (destroyAfter === 5) {
        expect(await owner.gone()).toBe('closed');
        expect(calls).toBe(5);
      } else await owner.until(() => owner.received === 40_960, 'all records');
      expect(owner.wrongs).toEqual([]);
    }
  });

  it('tells of bytes that are no TLS, once', async () => {
    const { owner, client, inject } = await wired('TLSv1.3');
    client.write('fine');
    await owner.until(() => owner.received === 4, 'the first bytes');
    inject('this is no record of TLS at all');
    expect(await owner.gone()).toMatch(/^closed ERR_SSL_/);
    expect(owner.wrongs).toEqual([]);
  });

  it('holds nothing back behind a write that failed', async () => {
    const { socket, owner, client, sever } = await wired('TLSv1.3');
    client.pause();
    const failed: string[] = [];
    Object.assign(owner, { onWriteFailed: () => failed.push('a write') });
    // Reading would hear of the reset first.
    socket.pause();
    for (let i = 0; i < 200; i++) socket.writeKept(Buffer.alloc(65_536));
    expect(socket.mustWait).toBe(true);
    // Behind these, which the kernel does not take, others wait for their turn.
    await sleep(20);
    socket.writeKept(Buffer.alloc(1000));
    sever();
    await owner.until(() => owner.calls.length > 0, 'what follows the failed write');
    expect(failed).toHaveLength(1);
    expect(owner.calls).toEqual(['drained']);
    expect(socket.pendingBytes).toBe(0);
    socket.resume();
    expect(await owner.gone()).toMatch(/^closed E/);
    expect(owner.wrongs).toEqual([]);
  });

  it('tells of a reset after its end', async () => {
    const { socket, owner, client } = await wired('TLSv1.3');
    client.resume();
    socket.end();
    await sleep(20);
    client.destroy();
    expect(await owner.gone()).toMatch(/^closed/);
    expect(owner.wrongs).toEqual([]);
  });
});
