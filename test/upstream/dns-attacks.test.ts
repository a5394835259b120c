// A name server that means harm, or is broken: what it sends must cost nothing but its own answer.
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DnsClient } from '../../src/upstream/dns/dns-client.ts';
import { decodeAnswer, encodeQuestion } from '../../src/upstream/dns/message.ts';
import { NameServerWire } from '../../src/upstream/dns/wire.ts';

let udp: Datagrams;
let tcp: Server;
let port = 0;
let connections: Socket[] = [];
/** What the name server answers by UDP, one datagram each. */
let answers: (query: Buffer) => readonly Buffer[] = () => [];

beforeEach(async () => {
  connections = [];
  tcp = createServer((socket) => {
    socket.on('error', () => {});
    connections.push(socket);
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  port = (tcp.address() as { port: number }).port;
  udp = createSocket('udp4');
  udp.on('message', (query, from) => {
    for (const answer of answers(query)) udp.send(answer, from.port, from.address);
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
});

afterEach(async () => {
  udp.close();
  for (const socket of connections) socket.destroy();
  await new Promise((resolve) => tcp.close(resolve));
});

const settings = () => ({ servers: [{ host: '127.0.0.1', port }], validMs: 0, ipv4: true, ipv6: false });

const resolve = (client: DnsClient, name: string, limitMs = 5000): Promise<readonly string[]> =>
  new Promise((done) =>
    client.resolve(name, limitMs, (addresses, why) => done(why === '' ? addresses : [why])),
  );

/** A record of the question's name. */
function answerTo(query: Buffer, data: Buffer, { type = 1, ttl = 60, flags = 0x8180 } = {}): Buffer {
  const head = Buffer.from(query);
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(1, 6);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttl, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, record, data]);
}

const ADDRESS = Buffer.from([127, 0, 0, 9]);
const EVIL = Buffer.from([127, 6, 6, 6]);

const flip = (query: Buffer, change: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(query);
  change(bytes);
  return bytes;
};

describe('a name server under suspicion', () => {
  it('what answers another question is no answer', async () => {
    const other = encodeQuestion(0, 'evil.test', 1) ?? Buffer.alloc(0);
    answers = (query) => [
      answerTo(
        flip(query, (b) => b.writeUInt16BE(b.readUInt16BE(0) ^ 1, 0)),
        EVIL,
      ),
      answerTo(
        flip(other, (b) => b.writeUInt16BE(query.readUInt16BE(0), 0)),
        EVIL,
      ),
      answerTo(
        flip(query, (b) => b.writeUInt16BE(28, b.length - 4)),
        EVIL,
      ),
      answerTo(
        flip(query, (b) => b.writeUInt16BE(3, b.length - 2)),
        EVIL,
      ),
      answerTo(query, EVIL, { flags: 0x0180 }),
      answerTo(query, ADDRESS),
    ];
    expect(await resolve(new DnsClient(settings()), 'good.test')).toEqual(['127.0.0.9']);
  });

  it('from elsewhere nothing is taken', async () => {
    const stranger = createSocket('udp4');
    udp.removeAllListeners('message');
    udp.on('message', (query, from) =>
      stranger.send(answerTo(query, EVIL), from.port, from.address, () =>
        udp.send(answerTo(query, ADDRESS), from.port, from.address),
      ),
    );
    expect(await resolve(new DnsClient(settings()), 'good.test')).toEqual(['127.0.0.9']);
    stranger.close();
  });

  it('many truncated answers make one connection', async () => {
    answers = (query) => Array.from({ length: 20 }, () => answerTo(query, ADDRESS, { flags: 0x8380 }));
    const found = resolve(new DnsClient(settings()), 'big.test', 1500);
    expect((await found)[0]).toContain('110');
    expect(connections.length).toBe(1);
  });

  it('a connection goes with the last who waits for it', async () => {
    answers = (query) => [answerTo(query, ADDRESS, { flags: 0x8380 })];
    const found = resolve(new DnsClient(settings()), 'slow.test', 1000);
    await expect.poll(() => connections.length).toBe(1);
    const [connection] = connections;
    const closed = () => expect.poll(() => connection.closed).toBe(true);
    // An answer of 64 KB, of which a byte comes now and then.
    const dripping = setInterval(() => connection.write('\xff', 'latin1'), 300);
    expect((await found)[0]).toContain('110');
    await closed();
    clearInterval(dripping);
  });

  it('names that go in circles end', async () => {
    const name = Buffer.from('\x04loop\x04test\0', 'latin1');
    for (const ttl of [0, 60, 0xffffffff]) {
      answers = (query) => [answerTo(query, name, { type: 5, ttl })];
      expect((await resolve(new DnsClient(settings()), 'loop.test'))[0]).toContain('Host not found');
    }
    const query = encodeQuestion(1, 'a.test', 1) ?? Buffer.alloc(0);
    expect(decodeAnswer(answerTo(query, Buffer.from([0xc0, query.length + 12]), { type: 5 }))).toBeNull();
  });

  it('a way that could not be opened is tried anew', async () => {
    answers = (query) => [answerTo(query, ADDRESS)];
    // A broadcast address cannot be connected to.
    const server = { host: '255.255.255.255', port };
    const took: string[] = [];
    const wire = new NameServerWire(server, (answer) => took.push(...answer.addresses));
    const question = encodeQuestion(7, 'a.test', 1) ?? Buffer.alloc(0);
    wire.send(question);
    server.host = '127.0.0.1';
    // As the client does it after a while.
    const again = (): readonly string[] => {
      wire.send(question);
      return took;
    };
    await expect.poll(again).toContain('127.0.0.9');
    wire.rest();
  });
});
