// One HTTP exchange with a server that is found by its URL: unix:///path or http://host:port. What goes wrong is a CallFailure.
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { nodeHttp } from '../../shared/node-parts.ts';
import { Timer } from '../../shared/timer.ts';
import { ofConnection, PythonError } from './python-error.ts';

const { request } = nodeHttp();

/** Where the server listens, and whom it is told that asks. */
export interface Server {
  readonly url: string;
  readonly username: string | null;
  readonly password: string | null;
}

export interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly limits: Limits;
}

export interface Limits {
  /** For the whole exchange. */
  readonly answerMs: number;
  /** The user does not wait any more. */
  readonly signal: AbortSignal;
}

const CONNECT_LIMIT_MS = 10_000;
/** unix(7): 108 with the NUL at its end. */
const LONGEST_SOCKET_PATH = 107;
/** What an answer may have: a log that is read whole is one. */
const LONGEST_ANSWER_BYTES = 256 * 1024 * 1024;

/** The head of the answer; its body is still to come, and has to be read or destroyed. */
export function ask(server: Server, question: Question): Promise<IncomingMessage> {
  const { limits } = question;
  return new Promise((resolve, reject) => {
    const call = request({ ...addressOf(server.url), ...headOf(server, question) });
    const connecting = setTimeout(() => call.destroy(timedOut()), CONNECT_LIMIT_MS);
    const answering = new Timer(() => call.destroy(timedOut()), limits.answerMs);
    const cancel = (): void => void call.destroy(new Interrupted());
    if (limits.signal.aborted) cancel();
    limits.signal.addEventListener('abort', cancel, { once: true });
    call.once('socket', (socket) => socket.once('connect', () => clearTimeout(connecting)));
    call.once('response', resolve);
    call.on('error', (error) => reject(ofConnection(error, hasAnswered(call))));
    call.once('close', () => {
      clearTimeout(connecting);
      answering.stop();
      limits.signal.removeEventListener('abort', cancel);
    });
    call.end(question.body);
  });
}

/** The whole body, as bytes. */
export async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > LONGEST_ANSWER_BYTES)
        throw new PythonError('OverflowError', 'the answer has more than 256 MB');
      pieces.push(piece);
    }
  } catch (error) {
    throw ofConnection(error as Error, true);
  }
  return Buffer.concat(pieces);
}

/** The user interrupted what is waited for. */
export class Interrupted extends Error {}

const timedOut = (): Error => new PythonError('TimeoutError', 'timed out');

const hasAnswered = (call: ClientRequest): boolean => call.socket !== null && call.socket.bytesRead > 0;

function headOf(server: Server, { method, path, headers, body }: Question): RequestOptions {
  const { username, password } = server;
  const login = Buffer.from(`${username}:${password}`).toString('base64');
  return {
    method,
    // Names of processes may have letters that a request line may not; Supervisor decodes the path.
    path: path.replace(/[^\x21-\x7e]/gu, encodeURIComponent),
    agent: false,
    headers: {
      ...headers,
      ...(username === null || password === null ? {} : { authorization: `Basic ${login}` }),
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    },
  };
}

/** As supervisorctl reads it: the scheme in lower case, and whatever stands after the port is left out. */
const HTTP = /^http:\/\/(?:[^@/?#]*@)?(?:\[([^\]]*)\]|([^:/?#]*))(?::(\d{0,5})(?=[/?#]|$))?/;

function addressOf(url: string): RequestOptions {
  if (url.startsWith('unix://')) {
    const socketPath = url.slice('unix://'.length);
    if (Buffer.byteLength(socketPath) > LONGEST_SOCKET_PATH)
      throw new PythonError('OSError', 'AF_UNIX path too long');
    return { socketPath, host: 'localhost' };
  }
  const parts = HTTP.exec(url);
  if (parts === null) throw new PythonError('ValueError', `Unknown protocol for serverurl ${url}`);
  const [, inBrackets, plain, port = ''] = parts;
  const portNumber = port === '' ? 80 : Number(port);
  if (portNumber > 65535) throw new PythonError('ValueError', 'Port out of range 0-65535');
  return { host: inBrackets ?? plain, port: portNumber };
}
