// A name server on 127.0.0.1 that knows a few names, has none of the others, and never answers for some.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const TYPE_A = 1;
const NO_SUCH_NAME = 3;

export interface DnsServer {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Names that were asked for, once for each question. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** Names that begin with `slow` get no answer. */
export async function startDnsServer(known: Readonly<Record<string, string>>): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const { name, end } = nameIn(query);
    asked.push(name);
    if (name.startsWith('slow')) return;
    socket.send(answerTo(query, end, known[name]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function nameIn(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  while (query[at] !== 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  return { name: labels.join('.').toLowerCase(), end: at + 5 };
}

/** The question again, and one address where the name has one and an address of IPv4 was asked for. */
function answerTo(query: Buffer, end: number, address: string | undefined): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  const hasAddress = address !== undefined && query.readUInt16BE(end - 4) === TYPE_A;
  head.writeUInt16BE(0x8180 | (address === undefined ? NO_SUCH_NAME : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(hasAddress ? 1 : 0, 6);
  const record = Buffer.from([0xc0, 12, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4]);
  const bytes = hasAddress ? [record, Buffer.from(address.split('.').map(Number))] : [];
  return Buffer.concat([head, query.subarray(12, end), ...bytes]);
}
