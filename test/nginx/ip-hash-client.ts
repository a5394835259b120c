// Runs inside the network namespace of ip-hash.test.ts: reads a job from stdin, asks each target from each address, prints the answers.
import { connect, type Socket } from 'node:net';
import { readAnswer } from '../support/wire.ts';

/** What stands on stdin as JSON. */
export interface Job {
  readonly port: number;
  readonly paths: readonly string[];
  /** Addresses to come from. */
  readonly clients: readonly string[];
  /** Lines of the head that try to forge the choice, '' for none. */
  readonly forged: string;
}

/** Addresses that are asked at the same time. */
const AT_ONCE = 8;

let text = '';
for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
const job = JSON.parse(text) as Job;
const answers: string[][] = [];
let next = 0;
await Promise.all(Array.from({ length: AT_ONCE }, work));
process.stdout.write(JSON.stringify(answers));

async function work(): Promise<void> {
  while (next < job.clients.length) {
    const index = next++;
    answers[index] = await askAll(job.clients[index]);
  }
}

/** The bodies of all paths, over one connection. */
async function askAll(client: string): Promise<string[]> {
  const host = client.includes(':') ? '::1' : '127.0.0.1';
  const socket = connect({ port: job.port, host, localAddress: client, noDelay: true });
  try {
    const bodies: string[] = [];
    for (const path of job.paths) bodies.push(await ask(socket, path));
    return bodies;
  } finally {
    socket.destroy();
  }
}

function ask(socket: Socket, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const onData = (chunk: Buffer): void => {
      received += chunk.latin1Slice();
      const answer = readAnswer(received, false, false);
      if (answer === null) return;
      socket.off('data', onData);
      socket.off('error', reject);
      resolve(answer.body);
    };
    socket.on('data', onData);
    socket.on('error', reject);
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer to ${path}`)));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${job.forged}\r\n`);
  });
}
