// Passes of http-proxy-3 that would leave a request without a word, and what stands in their place: a handshake that is none, and
// whatever is thrown on the way over fetch().
import type { IncomingMessage } from 'node:http';
import type { ErrorCallback, ProxyServer, ServerOptions } from 'http-proxy-3';
import { markUnsendable } from './failure-of.ts';
import { attemptOf } from './web-attempt.ts';

type PassCall = [
  req: IncomingMessage,
  res: Parameters<ErrorCallback>[2],
  options: ServerOptions,
  head: Buffer | undefined,
  server: ProxyServer,
  callback?: ErrorCallback,
];
type Pass = (...call: PassCall) => unknown;

/** Of all that the carrier does. */
export function replacePasses(carrier: ProxyServer): void {
  replace(carrier, 'wsPasses', 'checkMethodAndHeader', () => checkHandshake);
  replace(carrier, 'webPasses', 'stream', catchRejection);
  carrier.before('web', 'timeout', frameAnew);
}

/** Under its own name, so that before() and after() of the application find it. */
function replace(carrier: ProxyServer, list: string, name: string, make: (was: Pass) => Pass): void {
  const passes = Reflect.get(carrier, list) as Pass[];
  const i = passes.findIndex((pass) => pass.name === name);
  passes[i] = Object.defineProperty(make(passes[i]), 'name', { value: name });
}

/** http-proxy-3's own destroys the socket without an answer. */
function checkHandshake(...[req, socket, , , , callback]: PassCall): boolean {
  if (req.method === 'GET' && req.headers.upgrade?.toLowerCase() === 'websocket') return false;
  const error = new Error('only a WebSocket handshake can be passed on: GET with "Upgrade: websocket"');
  callback?.(markUnsendable(error), req, socket);
  return true;
}

/** What fetches throws into a promise that nobody awaits, which ends the process. */
function catchRejection(stream: Pass): Pass {
  return (...call) => {
    const done = stream(...call);
    const [req, res, , , , callback] = call;
    if (done instanceof Promise) done.catch((error: Error) => callback?.(error, req, res));
    return done;
  };
}

/**
 * Runs after http-proxy-3 set `Content-Length: 0` on a DELETE or OPTIONS without a length and took its Transfer-Encoding away.
 * When such a request had a chunked body, its bytes would stand on the peer's connection as a request of their own.
 */
function frameAnew(req: IncomingMessage): void {
  const attempt = attemptOf(req);
  if (attempt !== undefined) return attempt.frame();
  // Our side has answered it; and http-proxy-3 does not tell of a request that has it.
  delete req.headers.expect;
  if (req.method !== 'DELETE' && req.method !== 'OPTIONS') return;
  const chunked = req.rawHeaders.some((text, i) => i % 2 === 0 && text.toLowerCase() === 'transfer-encoding');
  if (!chunked) return;
  delete req.headers['content-length'];
  req.headers['transfer-encoding'] = 'chunked';
}
