// The client of the handshakes load, a process of its own: node handshakes-client.ts '{"port":…,"version":"TLSv1.3","resume":true,…}'
// One GET on every connection, which the server then closes; a fixed number of connections at a time.
import { connect, type SecureVersion, type TLSSocket } from 'node:tls';
import { Latencies } from './latencies.ts';

export interface HandshakesOptions {
  readonly port: number;
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  /** Offer the session of an earlier connection; one that the server did not resume is a failure. */
  readonly resume: boolean;
  readonly concurrency: number;
  readonly path: string;
  /** Bytes of the answer's body. */
  readonly answerBytes: number;
  readonly seconds: number;
}

/**
 * One key exchange and one cipher, so that every contender does the same arithmetic: Node 26 on both sides would otherwise
 * exchange a post-quantum key too. P-256 is there for the certificate's curve, which TLS 1.2 wants named as well.
 */
const KEY_EXCHANGE = 'X25519';
const SAME_FOR_ALL = {
  ecdhCurve: `${KEY_EXCHANGE}:P-256`,
  ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
};

const options: HandshakesOptions = JSON.parse(process.argv[2]);
const REQUEST = `GET ${options.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
const version: SecureVersion = options.version;
const latencies = new Latencies();
let session: Buffer | undefined;

/** One connection from its first byte to its end: undefined, or what was wrong. */
function once(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const offered = options.resume ? session : undefined;
    const startedAt = performance.now();
    let answer = '';
    const socket = connect({
      ...SAME_FOR_ALL,
      port: options.port,
      host: '127.0.0.1',
      servername: 'localhost',
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
      ...(offered === undefined ? {} : { session: offered }),
    });
    let handshakeMs = 0;
    let problem: string | undefined;
    socket.once('secureConnect', () => {
      handshakeMs = performance.now() - startedAt;
      problem = problemOfHandshake(socket, offered !== undefined);
      socket.write(REQUEST);
    });
    socket.on('session', (ticket: Buffer) => {
      session = ticket;
    });
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    socket.once('error', (error) => resolve(error.message));
    socket.once('close', () => {
      latencies.add(handshakeMs);
      resolve(problem ?? problemOfAnswer(answer));
    });
  });
}

function problemOfHandshake(socket: TLSSocket, offered: boolean): string | undefined {
  if (offered && !socket.isSessionReused()) return 'the server did not resume the session';
  const key = socket.getEphemeralKeyInfo();
  // A resumed session of TLS 1.2 exchanges no key.
  if (key === null || !('name' in key) || key.name?.toUpperCase() === KEY_EXCHANGE) return undefined;
  return `the server chose ${key.name} as key exchange`;
}

function problemOfAnswer(answer: string): string | undefined {
  const bytes = answer.length - answer.indexOf('\r\n\r\n') - 4;
  const right = answer.startsWith('HTTP/1.1 200 ') && bytes === options.answerBytes;
  return right ? undefined : `wrong answer: ${answer.slice(0, 80)}`;
}

// Not timed: the first connections are right, and leave a session to resume.
for (let i = 0; i < 2; i++) {
  const problem = await once();
  if (problem !== undefined) throw new Error(problem);
}
if (options.resume && session === undefined) throw new Error('the server gives no session to resume');
const warm = latencies.count;
let failures = 0;
const startedAt = performance.now();
const end = startedAt + options.seconds * 1000;
await Promise.all(
  Array.from({ length: options.concurrency }, async () => {
    while (performance.now() < end) {
      const problem = await once();
      if (problem !== undefined && failures++ === 0) console.error(problem);
    }
  }),
);
const seconds = (performance.now() - startedAt) / 1000;
console.log(JSON.stringify({ requests: latencies.count - warm, seconds, failures, ...latencies.figures() }));
