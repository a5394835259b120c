// The client of the idle load, a process of its own: node idle-client.ts '{"port":…,"tls":false,"connections":10000,…}'
// Opens the connections, gets one answer on each, prints how many are open, keeps them until its standard input ends, prints it again.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface IdleOptions {
  readonly port: number;
  readonly tls: boolean;
  readonly connections: number;
  readonly path: string;
  /** Bytes of the answer's body. */
  readonly answerBytes: number;
}

/** How many are being opened at a time. */
const CONCURRENCY = 50;

const options: IdleOptions = JSON.parse(process.argv[2]);
const REQUEST = `GET ${options.path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const sockets: Socket[] = [];
let closed = 0;
let next = 0;

function open(index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const to = { port: options.port, host: '127.0.0.1' };
    const socket = options.tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
    const fail = (): void =>
      reject(new Error(`connection ${index} ended before its answer: ${answer.slice(0, 80)}`));
    let answer = '';
    socket.on('error', reject).once('close', fail);
    socket.on('data', function first(chunk: Buffer): void {
      answer += chunk.toString('latin1');
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0 || answer.length - end - 4 < options.answerBytes) return;
      if (!answer.startsWith('HTTP/1.1 200 ')) return fail();
      socket.off('close', fail).off('data', first);
      socket.once('close', () => closed++);
      sockets.push(socket);
      resolve();
    });
    socket.write(REQUEST);
  });
}

await Promise.all(
  Array.from({ length: CONCURRENCY }, async () => {
    while (next < options.connections) await open(next++);
  }),
);
console.log(sockets.length - closed);
process.stdin.resume();
process.stdin.once('end', () => {
  console.log(sockets.length - closed);
  for (const socket of sockets) socket.destroy();
});
