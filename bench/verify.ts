// Before anything is timed: are the answers right, and does what is sent arrive?
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Running } from './contenders/contender.ts';
import type { HttpLoad } from './load/http-load.ts';

interface Answer {
  readonly status: number;
  readonly bytes: number;
  /** The first 64 KB. */
  readonly beginning: string;
  /** Whether every byte is the "x" that upstreams and files consist of. */
  readonly allX: boolean;
}

/** Reaches every upstream process. */
const ROUNDS = 4;

const XS = Buffer.alloc(2 ** 20, 'x');

/** Throws when an answer has another status, length or content than the load says, or the upstream saw another request. */
export async function verifyAnswers(running: Running, load: HttpLoad): Promise<void> {
  const name = running.contender.name;
  for (let i = 0; i < ROUNDS; i++) {
    const answer = await ask(running, load, load.path);
    if (answer.status !== 200 || answer.bytes !== load.answerBytes || !answer.allX) {
      const got = `status ${answer.status}, ${answer.bytes} bytes${answer.allX ? '' : ' of other content'}`;
      throw new Error(`wrong answer of ${name} to ${load.path}: ${got}, not ${load.answerBytes} bytes`);
    }
  }
  if (!load.path.startsWith('/static/')) await verifyArrival(running, load);
}

async function verifyArrival(running: Running, load: HttpLoad): Promise<void> {
  const name = running.contender.name;
  const answer = await ask(running, load, '/seen');
  const seen = JSON.parse(answer.beginning);
  const expected = new Map<string, string>([['x-real-ip', '127.0.0.1']]);
  expected.set('host', load.headers?.Host ?? `127.0.0.1:${running.place.port}`);
  for (const [field, value] of Object.entries(load.headers ?? {})) expected.set(field.toLowerCase(), value);
  for (const [field, value] of expected) {
    const got = String(seen.headers[field] ?? '').replace('::ffff:', '');
    if (got !== value) throw new Error(`${name} sent "${field}: ${got}" to the upstream, not "${value}"`);
  }
  const bodyBytes = load.bodyBytes ?? 0;
  // The upstream counts the bytes of chunk framing too, so only bodies with a length can be compared.
  if (seen.headers['content-length'] !== undefined || bodyBytes === 0) {
    if (seen.bodyBytes !== bodyBytes) {
      throw new Error(`${name} sent a body of ${seen.bodyBytes} bytes to the upstream, not ${bodyBytes}`);
    }
  }
}

function ask(running: Running, load: HttpLoad, path: string): Promise<Answer> {
  const { port } = running.place;
  const body = load.bodyBytes === undefined ? undefined : Buffer.alloc(load.bodyBytes, 'b');
  const send = running.setup.tls ? tlsRequest : plainRequest;
  const options = {
    ...{ host: '127.0.0.1', port, path, method: load.method ?? 'GET', agent: false as const },
    headers: { ...load.headers, ...(body === undefined ? {} : { 'Content-Length': body.length }) },
    // The certificate is one of the test.
    ...{ rejectUnauthorized: false, timeout: 10_000 },
  };
  return new Promise((resolve, reject) => {
    const req = send(options, (res) => {
      let bytes = 0;
      let allX = true;
      let beginning = '';
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        allX &&= chunk.equals(XS.subarray(0, chunk.length));
        if (beginning.length < 65_536) beginning += chunk.toString('latin1');
      });
      res.once('end', () => resolve({ status: res.statusCode ?? 0, bytes, allX, beginning }));
      res.once('error', reject);
    });
    req.once('timeout', () =>
      req.destroy(new Error(`${running.contender.name} did not answer ${path} in 10 s`)),
    );
    req.once('error', reject);
    req.end(body);
  });
}
