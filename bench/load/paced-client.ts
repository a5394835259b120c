// Requests by the clock, whether or not earlier ones were answered, so that a pause of the contender is seen by all requests
// that fell into it: node paced-client.ts '{…PacedOptions}' prints an EngineResult as JSON. Plain HTTP, GET.
import { connect, type Socket } from 'node:net';
import type { EngineResult } from './engine-result.ts';
import { Latencies } from './latencies.ts';

export interface PacedOptions {
  readonly port: number;
  /** The whole head of the request. */
  readonly request: string;
  /** Connections, all opened before the first request. */
  readonly connections: number;
  /** Requests per second. */
  readonly rate: number;
  readonly seconds: number;
  /** Every connection has its turn; otherwise who was free last is asked next, and many are never asked. */
  readonly inTurn?: boolean;
}

/** So many are being opened at a time: more than a server's backlog would wait for a second try. */
const OPENING = 100;

/** Requests are begun in small lots: what belongs to a millisecond is meant to begin with it. */
const TICK_MS = 1;
/** Before latencies count: until V8 has compiled this program, it is what is slow. */
const WARM_MS = 500;
/** How long the last answers may take. */
const END_MS = 2000;

export async function pace(options: PacedOptions): Promise<EngineResult> {
  const pacer = new Pacer(options);
  await pacer.open();
  return pacer.run();
}

export class Pacer {
  private readonly options: PacedOptions;
  private readonly latencies = new Latencies();
  private readonly idle: Socket[] = [];
  /** Those of them that had their turn. */
  private past = 0;
  /** Requests under way, with the moments at which they were meant to begin. */
  private readonly underWay = new Map<Socket, number>();
  /** Moments at which requests were meant to begin that found no idle connection; those before `served` have got one. */
  private readonly waiting: number[] = [];
  private served = 0;
  private connections = 0;
  private requests = 0;
  private failures = 0;
  private countFrom = Number.POSITIVE_INFINITY;

  constructor(options: PacedOptions) {
    this.options = options;
  }

  async open(): Promise<void> {
    const { connections, port } = this.options;
    let left = connections;
    const some = async (): Promise<void> => {
      while (left-- > 0) this.take(await opened(port));
    };
    await Promise.all(Array.from({ length: OPENING }, some));
  }

  private take(socket: Socket): void {
    readAnswers(socket, (right) => this.answered(socket, right));
    socket.once('close', () => this.gone(socket));
    this.idle.push(socket);
    this.connections++;
  }

  async run(): Promise<EngineResult> {
    const { rate, seconds } = this.options;
    const startedAt = performance.now();
    this.countFrom = startedAt + WARM_MS;
    const lengthMs = WARM_MS + seconds * 1000;
    const total = Math.round((rate * lengthMs) / 1000);
    let begun = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const now = performance.now() - startedAt;
        const due = Math.min(total, Math.floor((Math.floor(now / TICK_MS) * TICK_MS * rate) / 1000));
        for (; begun < due; begun++) {
          this.begin(startedAt + Math.ceil(((begun + 1) * 1000) / rate / TICK_MS) * TICK_MS);
        }
        const over = begun === total && (this.underWay.size === 0 || this.connections === 0);
        if (!over && now < lengthMs + END_MS) return;
        clearInterval(timer);
        resolve();
      }, TICK_MS);
    });
    const took = (performance.now() - startedAt) / 1000;
    const failures = this.failures + this.underWay.size + this.waiting.length - this.served;
    return { requests: this.requests, seconds: took, ...this.latencies.figures(), failures };
  }

  private begin(meantAt: number): void {
    const socket = this.options.inTurn === true ? this.longestIdle() : this.idle.pop();
    if (socket === undefined) this.waiting.push(meantAt);
    else this.send(socket, meantAt);
  }

  private longestIdle(): Socket | undefined {
    if (this.past === this.idle.length) return undefined;
    const socket = this.idle[this.past++];
    if (this.past === this.options.connections) {
      this.idle.splice(0, this.past);
      this.past = 0;
    }
    return socket;
  }

  private send(socket: Socket, meantAt: number): void {
    this.underWay.set(socket, meantAt);
    socket.write(this.options.request);
  }

  private answered(socket: Socket, right: boolean): void {
    const meantAt = this.underWay.get(socket);
    if (meantAt === undefined) return;
    this.underWay.delete(socket);
    this.requests++;
    if (!right) this.failures++;
    else if (meantAt >= this.countFrom) this.latencies.add(performance.now() - meantAt);
    if (this.served === this.waiting.length) this.idle.push(socket);
    else this.send(socket, this.waiting[this.served++]);
  }

  private gone(socket: Socket): void {
    this.connections--;
    if (this.underWay.delete(socket)) this.failures++;
    const at = this.idle.indexOf(socket, this.past);
    if (at >= 0) this.idle.splice(at, 1);
  }
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {});
  });
}

/** Calls back at the end of each answer, with whether its status is 200; answers have a Content-Length. */
function readAnswers(socket: Socket, onAnswer: (right: boolean) => void): void {
  let left = 0;
  let right = false;
  let partial = '';
  socket.on('data', (chunk: Buffer) => {
    if (left > 0) {
      left -= chunk.length;
    } else {
      const text = partial + chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) {
        partial = text;
        return;
      }
      partial = '';
      right = text.startsWith('200', 9);
      left = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0) - (text.length - end - 4);
    }
    if (left <= 0) onAnswer(right && left === 0);
  });
}

if (process.argv[1]?.endsWith('paced-client.ts')) {
  console.log(JSON.stringify(await pace(JSON.parse(process.argv[2]))));
  process.exit(0);
}
