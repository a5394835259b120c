// ssl_stapling: what OCSP says of the server's certificate, asked for when a client could have used it and the last answer is old, and
// shown to those who come later. No client waits for it.
import { connect } from 'node:net';
import { Timer } from '../../shared/timer.ts';
import { type OcspQuestion, readOcspAnswer } from '../../socket/tls/ocsp.ts';

/** As nginx has it. */
const REFRESH_MS = 3_600_000;
const LEAST_REFRESH_MS = 300_000;
const TIMEOUT_MS = 60_000;
/** Answers have a kilobyte or two. */
const MAX_BYTES = 65_536;

export class Staple {
  readonly #question: OcspQuestion;
  readonly #tell: (message: string) => void;
  #answer: Buffer | null = null;
  #validUntilMs = 0;
  #refreshAtMs = 0;
  #asking = false;

  constructor(question: OcspQuestion, tell: (message: string) => void) {
    this.#question = question;
    this.#tell = tell;
  }

  /** What a client is shown now. */
  current(nowMs = Date.now()): Buffer | null {
    if (!this.#asking && this.#refreshAtMs <= nowMs) this.#ask();
    return this.#validUntilMs >= nowMs ? this.#answer : null;
  }

  #ask(): void {
    this.#asking = true;
    fetchAnswer(this.#question, (answer) => {
      this.#asking = false;
      this.#take(answer, Date.now());
    });
  }

  #take(answer: Buffer | string, nowMs: number): void {
    const read = typeof answer === 'string' ? answer : readOcspAnswer(answer, this.#question.id, nowMs);
    this.#refreshAtMs = nowMs + LEAST_REFRESH_MS;
    if (typeof read === 'string') {
      const { host, port } = this.#question;
      return this.#tell(`ssl_stapling: ${host}:${port} was asked about the certificate: ${read}`);
    }
    this.#answer = answer as Buffer;
    this.#validUntilMs = read.validUntilMs;
    const before = Math.min(read.validUntilMs - LEAST_REFRESH_MS, nowMs + REFRESH_MS);
    this.#refreshAtMs = Math.max(before, this.#refreshAtMs);
  }
}

/** By GET of HTTP/1.0, which ends with the connection. `done` is called once: the answer, or a sentence why there is none. */
function fetchAnswer(
  { host, port, path, request }: OcspQuestion,
  done: (answer: Buffer | string) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let problem = '';
  const socket = connect({ host, port });
  // The process may end meanwhile.
  socket.unref();
  const late = new Timer(() => socket.destroy(new Error('it did not answer in time')), TIMEOUT_MS).unref();
  socket.on('error', ({ message }) => {
    problem = message;
  });
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) socket.destroy(new Error('its answer is longer than one of OCSP'));
    else chunks.push(chunk);
  });
  socket.on('close', () => {
    late.stop();
    done(problem === '' ? bodyOf(Buffer.concat(chunks)) : problem);
  });
  const encoded = encodeURIComponent(request.toString('base64'));
  const field = host.includes(':') ? `[${host}]` : host;
  socket.write(`GET ${path}/${encoded} HTTP/1.0\r\nHost: ${field}\r\n\r\n`);
}

function bodyOf(text: Buffer): Buffer | string {
  const end = /\r?\n\r?\n/.exec(text.latin1Slice());
  const head = end === null ? '' : text.latin1Slice(0, end.index);
  const [, status = ''] = /^HTTP\/1\.\d (\d{3})/.exec(head) ?? [];
  if (end === null || status === '') return 'it gave no answer of HTTP';
  if (status !== '200') return `it answered ${status}`;
  if (!/^content-type:[ \t]*application\/ocsp-response[ \t]*$/im.test(head.replaceAll('\r', '')))
    return 'its answer is not application/ocsp-response';
  return text.subarray(end.index + end[0].length);
}
