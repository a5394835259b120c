// `ready http`: waits until a process answers a GET on its port with a good status, and watches that it goes on to.
import { connect } from 'node:net';
import { Timer } from '../shared/timer.ts';

const POLL_MS = 50;
/** After this long the process is slow or never listens; asking less often costs it nothing. */
const EAGER_MS = 10_000;
const SLOW_POLL_MS = 250;
const TRY_MS = 1000;
/** Of the watch: an app that does one thing at a time answers when it is done with that. */
const WATCH_TRY_MS = 5000;
const WATCH_MS = 3000;
/** Between the two looks that have to agree. */
const SECOND_LOOK_MS = 250;
/** Of what is read before the status is known: the heads of interim answers, at most. */
const MOST_HEAD_BYTES = 16 * 1024;

export interface HttpCheck {
  readonly port: number;
  /** With its leading slash; may have a query. */
  readonly path: string;
  /** Those that are good; an empty list is 200 to 399. */
  readonly statuses: readonly number[];
  /** How long one try may take. */
  readonly tryMs?: number;
}

/** Ends the waiting, after which no call comes; `why` is what was wrong at the latest try, a clause, or null. */
export type HttpWait = (() => void) & { readonly why: () => string | null };

/** Calls `onReady` once, at the first good answer. */
export function awaitHttp(check: HttpCheck, onReady: () => void): HttpWait {
  const startedAt = performance.now();
  return lookAgain(check, POLL_MS, (problem) => {
    if (problem === null) {
      onReady();
      return null;
    }
    return performance.now() - startedAt < EAGER_MS ? POLL_MS : SLOW_POLL_MS;
  });
}

/** Calls `onLost` once, with the reason, when two looks in a row had no good answer. */
export function watchHttp(check: HttpCheck, onLost: (why: string) => void): HttpWait {
  let failed = false;
  return lookAgain({ tryMs: WATCH_TRY_MS, ...check }, WATCH_MS, (problem) => {
    if (problem !== null && failed) {
      onLost(problem);
      return null;
    }
    failed = problem !== null;
    return failed ? SECOND_LOOK_MS : WATCH_MS;
  });
}

/** Looks after `firstMs`, and then as often as `then` says, until it says null. */
function lookAgain(
  check: HttpCheck,
  firstMs: number,
  then: (problem: string | null) => number | null,
): HttpWait {
  let ended = false;
  let why: string | null = null;
  // Set while a try is under way.
  let closeTry = (): void => undefined;
  const look = (): void => {
    closeTry = tryOnce(check, (problem) => {
      if (ended) return;
      why = problem;
      const nextMs = then(problem);
      if (nextMs === null) ended = true;
      else timer = new Timer(look, nextMs);
    });
  };
  let timer = new Timer(look, firstMs);
  const end = (): void => {
    ended = true;
    timer.stop();
    closeTry();
  };
  return Object.assign(end, { why: () => why });
}

/** One try on 127.0.0.1 and, where nobody listens there, on ::1. `done` is called once, with what is wrong or null; the result closes it. */
function tryOnce(check: HttpCheck, done: (problem: string | null) => void): () => void {
  let close = ask('127.0.0.1', check, (problem, refused) => {
    if (!refused) return done(problem);
    close = ask('::1', check, done);
  });
  return () => close();
}

function ask(
  host: string,
  check: HttpCheck,
  done: (problem: string | null, refused: boolean) => void,
): () => void {
  const { port, path, tryMs = TRY_MS } = check;
  const socket = connect({ host, port });
  let head = '';
  let told = false;
  const tell = (problem: string | null, refused = false): void => {
    if (told) return;
    told = true;
    done(problem, refused);
  };
  const timer = new Timer(() => {
    socket.destroy();
    tell(`GET ${path} on port ${port} is not answered within ${tryMs} ms`);
  }, tryMs);
  socket.once('connect', () => {
    // A port of the ephemeral range can be given to this very connection, which then meets itself.
    if (socket.localPort === port) return socket.destroy(new Error('it meets itself'));
    socket.write(requestFor(check));
  });
  socket.on('data', (bytes: Buffer) => {
    // The rest is read and dropped: an app that has to write to a closed connection logs an error.
    if (told) return;
    head += bytes.toString('latin1');
    const status = statusOf(head);
    if (status !== undefined) tell(status === null ? noHttp(check) : problemOf(status, check));
  });
  socket.once('error', () => tell(`nothing accepts on port ${port}`, socket.bytesWritten === 0));
  socket.once('close', () => {
    timer.stop();
    tell(`GET ${path} on port ${port} is not answered: the connection ends without one`);
  });
  return () => {
    timer.stop();
    socket.destroy();
  };
}

function requestFor({ port, path }: HttpCheck): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nUser-Agent: lbproxy\r\nAccept: */*\r\nConnection: close\r\n\r\n`;
}

/** The status of the final answer; undefined while more is needed, null when this is no HTTP. */
function statusOf(text: string): number | null | undefined {
  let at = 0;
  for (;;) {
    const line = text.slice(at, at + 13);
    const status = /^HTTP\/1\.[01] (\d{3})[ \r\n]/.exec(line)?.[1];
    if (status === undefined)
      return line.length < 13 && text.length < MOST_HEAD_BYTES && mayBegin(line) ? undefined : null;
    if (Number(status) >= 200 || status === '101') return Number(status);
    const end = text.indexOf('\r\n\r\n', at);
    if (end === -1) return text.length < MOST_HEAD_BYTES ? undefined : null;
    at = end + 4;
  }
}

const mayBegin = (line: string): boolean => 'HTTP/1.'.startsWith(line.slice(0, 7));

function problemOf(status: number, { port, path, statuses }: HttpCheck): string | null {
  const good = statuses.length === 0 ? status >= 200 && status < 400 : statuses.includes(status);
  if (good) return null;
  const wanted = statuses.length === 0 ? '200 to 399' : statuses.join(', ');
  return `GET ${path} on port ${port} is answered with ${status}, not ${wanted}`;
}

function noHttp({ port, path }: HttpCheck): string {
  return `GET ${path} on port ${port} is not answered in HTTP`;
}
