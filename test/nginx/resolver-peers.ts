// A name server by UDP and TCP that answers from a table: addresses, other names, errors, answers that do not fit into a datagram.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** `A 127.0.0.1`, `AAAA ::1`, `CNAME other.test`, `error 2`, `cut` (to be had by TCP only), `ttl 1`; nothing: it is not there. */
export type Table = Readonly<Record<string, readonly string[]>>;

const TYPES: Readonly<Record<string, number>> = { A: 1, CNAME: 5, AAAA: 28 };

export interface NameServer {
  readonly port: number;
  readonly asked: string[];
  close(): Promise<void>;
}

export async function startNameServer(table: Table): Promise<NameServer> {
  const asked: string[] = [];
  const answer = (query: Buffer, byTcp: boolean): Buffer => {
    const { name, type, end } = questionOf(query);
    asked.push(`${type === 1 ? 'A' : 'AAAA'} ${name}${byTcp ? ' tcp' : ''}`);
    return answerTo(query.subarray(0, end), table[name], type, byTcp);
  };
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    let got = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      got = Buffer.concat([got, bytes]);
      while (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) {
        const end = 2 + got.readUInt16BE(0);
        const text = answer(got.subarray(2, end), true);
        got = got.subarray(end);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(text.length);
        socket.write(Buffer.concat([length, text]));
      }
    });
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const { port } = tcp.address() as { port: number };
  const udp = createSocket('udp4');
  udp.on('message', (query, from) => udp.send(answer(query, false), from.port, from.address));
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  return {
    port,
    asked,
    close: async () => {
      udp.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  while (query[at] !== 0) {
    labels.push(query.latin1Slice(at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(
  question: Buffer,
  lines: readonly string[] | undefined,
  type: number,
  byTcp: boolean,
): Buffer {
  const words = (lines ?? ['error 3']).map((line) => line.split(' '));
  const valueOf = (word: string): number => Number(words.find(([first]) => first === word)?.[1] ?? 0);
  const cut = !byTcp && words.some(([first]) => first === 'cut');
  const records = cut ? [] : words.filter(([kind]) => TYPES[kind] === type || kind === 'CNAME');
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8180 | valueOf('error') | (cut ? 0x0200 : 0), 2);
  head.writeUInt16BE(records.length, 6);
  const ttl = valueOf('ttl') || 300;
  return Buffer.concat([head, ...records.map(([kind, value]) => recordOf(TYPES[kind], value, ttl))]);
}

function recordOf(type: number, value: string, ttl: number): Buffer {
  const data =
    type === 1 ? Buffer.from(value.split('.').map(Number)) : type === 28 ? ipv6(value) : encoded(value);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function encoded(name: string): Buffer {
  return Buffer.concat([
    ...name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.alloc(1),
  ]);
}

/** `::1` is all that tests need. */
function ipv6(value: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes[15] = Number(value.slice(2));
  return bytes;
}
