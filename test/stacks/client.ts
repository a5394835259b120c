// The clients of a stack: several connections side by side, each kept for its next request as long as the server keeps it.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Answer, readAnswer } from '../support/wire.ts';
import type { Request } from './requests.ts';

export interface Ports {
  readonly plain: number;
  readonly tls: number;
}

const LANES = 6;
const PATIENCE_MS = 4000;

/** What is told of a request that got no whole answer in time. */
const SILENCE: Answer = {
  statusLine: 'no whole answer',
  status: 0,
  fields: [],
  body: '',
  framing: 'cut',
  interim: [],
};

/** Answers by the requests' ids. */
export async function askAll(ports: Ports, requests: readonly Request[]): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>();
  const lanes = lanesOf(requests);
  await Promise.all(
    lanes.map(async (lane) => {
      let kept: Connection | null = null;
      for (const request of lane) {
        if (kept !== null && !kept.serves(request)) kept = closed(kept);
        const isReused: boolean = kept !== null;
        let connection: Connection = kept ?? new Connection(ports, request);
        let answer = await connection.ask(request);
        // A server may end a kept connection at any time: who finds it so asks again.
        if (isReused && answer.status === 0 && answer.body === '') {
          connection.close();
          connection = new Connection(ports, request);
          answer = await connection.ask(request);
        }
        answers.set(request.id, answer);
        kept = isKept(answer, request) ? connection : closed(connection);
      }
      kept?.close();
    }),
  );
  return answers;
}

function closed(connection: Connection): null {
  connection.close();
  return null;
}

/** What belongs together stays together. */
function lanesOf(requests: readonly Request[]): Request[][] {
  const lanes: Request[][] = Array.from({ length: LANES }, () => []);
  const groups = Map.groupBy(requests, ({ lane }) => lane);
  for (const group of [...groups.values()].sort((a, b) => b.length - a.length)) {
    lanes.sort((a, b) => a.length - b.length);
    lanes[0].push(...group);
  }
  return lanes;
}

function isKept({ framing, fields, status }: Answer, request: Request): boolean {
  if (framing === 'cut' || framing === 'close' || status === 101) return false;
  const connection = fields.find(([name]) => name.toLowerCase() === 'connection')?.[1] ?? '';
  if (request.head.includes(' HTTP/1.0\r\n')) return connection === 'keep-alive';
  return connection !== 'close';
}

class Connection {
  readonly #socket: Socket;
  readonly #place: string;
  #text = '';
  #hasEnded = false;
  #onChange = (): void => {};

  constructor(ports: Ports, request: Request) {
    this.#place = placeOf(request);
    const servername = /^[\w.-]*[a-z]$/i.test(request.host) ? request.host : '';
    this.#socket = request.isTls
      ? connectTls({ port: ports.tls, host: '127.0.0.1', servername, rejectUnauthorized: false })
      : connect(ports.plain, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.latin1Slice();
      this.#onChange();
    });
    for (const event of ['end', 'close', 'error']) {
      this.#socket.on(event, () => {
        this.#hasEnded = true;
        this.#onChange();
      });
    }
  }

  serves(request: Request): boolean {
    return placeOf(request) === this.#place;
  }

  ask(request: Request): Promise<Answer> {
    const isHead = request.head.startsWith('HEAD ');
    this.#socket.write(request.head + request.body, 'latin1');
    let isSwitched = false;
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#onChange = () => {};
        this.#text = '';
      };
      const timer = setTimeout(() => {
        const body = this.#text;
        end();
        resolve({ ...SILENCE, body });
      }, PATIENCE_MS);
      this.#onChange = () => {
        const text = this.#text;
        const answer = readAnswer(text, isHead, this.#hasEnded);
        if (answer === null) return;
        if (answer.status === 101 && !this.#hasEnded) {
          if (!isSwitched) this.#socket.write('ping');
          isSwitched = true;
          return;
        }
        end();
        resolve(
          answer.status === 101
            ? { ...answer, body: text.slice(text.indexOf('\r\n\r\n') + 4), framing: 'close' }
            : answer,
        );
      };
      this.#onChange();
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A server name is told once in a connection. */
const placeOf = ({ isTls, host }: Request): string => (isTls ? `tls ${host}` : 'plain');
