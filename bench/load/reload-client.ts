// The stream of requests of the reload load, a process of its own: node reload-client.ts '{"port":…,"perSecond":…,"connections":…,"seconds":…}'
// It has a fixed rate. A request that is due waits for a free connection, and its latency counts from when it was due: a proxy that
// stands still is charged for everything that should have been sent meanwhile.
import { connect, type Socket } from 'node:net';
import { Latencies } from './latencies.ts';

export interface StreamOptions {
  readonly port: number;
  readonly path: string;
  /** Bytes of the answer's body. */
  readonly answerBytes: number;
  readonly perSecond: number;
  /** Keep-alive connections. */
  readonly connections: number;
  /** Every so many-th request goes over a new connection that ends with it; 0 for none. */
  readonly freshEvery: number;
  readonly seconds: number;
}

const options: StreamOptions = JSON.parse(process.argv[2]);
const LINE = `GET ${options.path} HTTP/1.1\r\nHost: localhost\r\n`;
const KEEP = Buffer.from(`${LINE}\r\n`);
const FRESH = Buffer.from(`${LINE}Connection: close\r\n\r\n`);
const latencies = new Latencies();
/** Used in turn, so that none stays unused. */
const idle: Connection[] = [];
/** When each waiting request was due. */
const waiting: number[] = [];
let sent = 0;
let failures = 0;
let pending = 0;
let stopped = false;

/** A connection to the proxy; it has at most one request under way. */
class Connection {
  readonly #socket: Socket;
  readonly #keep: boolean;
  #dueAt = 0;
  #answer = '';

  constructor(keep: boolean) {
    this.#keep = keep;
    this.#socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => this.#onClose());
  }

  request(dueAt: number): void {
    this.#dueAt = dueAt;
    pending++;
    this.#socket.write(this.#keep ? KEEP : FRESH);
  }

  end(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    // Whole answers come in one piece nearly always.
    this.#answer = this.#answer === '' ? chunk.toString('latin1') : this.#answer + chunk.toString('latin1');
    const end = this.#answer.indexOf('\r\n\r\n');
    if (end < 0 || this.#answer.length - end - 4 < options.answerBytes || this.#dueAt === 0) return;
    if (this.#answer.startsWith('HTTP/1.1 200 ')) latencies.add(performance.now() - this.#dueAt);
    else failures++;
    const last = !this.#keep || /\r\nconnection: *close\r/i.test(this.#answer.slice(0, end + 1));
    this.#answer = '';
    this.#dueAt = 0;
    pending--;
    if (last) this.#socket.end();
    else this.#next();
  }

  #next(): void {
    const dueAt = waiting.shift();
    if (dueAt === undefined) idle.push(this);
    else this.request(dueAt);
  }

  /** The server may close what is idle; a request without its answer is lost. */
  #onClose(): void {
    if (this.#dueAt !== 0 && !stopped) {
      failures++;
      pending--;
    }
    if (!this.#keep || stopped) return;
    all.delete(this);
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
    openKept();
  }
}

const all = new Set<Connection>();

function openKept(): void {
  const connection = new Connection(true);
  all.add(connection);
  const dueAt = waiting.shift();
  if (dueAt === undefined) idle.push(connection);
  else connection.request(dueAt);
}

function send(now: number): void {
  sent++;
  if (options.freshEvery > 0 && sent % options.freshEvery === 0) {
    new Connection(false).request(now);
    return;
  }
  const connection = idle.shift();
  if (connection === undefined) waiting.push(now);
  else connection.request(now);
}

for (let i = 0; i < options.connections; i++) openKept();
const startedAt = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  const due = Math.min(now - startedAt, options.seconds * 1000) * (options.perSecond / 1000);
  while (sent < due) send(now);
  if (now - startedAt < options.seconds * 1000) return;
  clearInterval(timer);
  finish(now + 2000);
}, 1);

/** Waits for the last answers; what has none two seconds later is lost. */
function finish(deadline: number): void {
  if (pending + waiting.length > 0 && performance.now() < deadline) {
    setTimeout(() => finish(deadline), 5);
    return;
  }
  stopped = true;
  failures += pending + waiting.length;
  console.log(JSON.stringify({ requests: sent, seconds: options.seconds, failures, ...latencies.figures() }));
  for (const connection of all) connection.end();
  setImmediate(() => process.exit());
}
