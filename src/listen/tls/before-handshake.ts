// A handshake as variables see it (ssl_certificate with variables): an exchange without a request, as in nginx.
import { type Client, Exchange, type Root, type ServerRuntime } from '../../exchange/exchange.ts';
import { GO } from '../../exchange/flow.ts';
import { RequestHead } from '../../http/request-head.ts';
import { systemClock } from '../../shared/clock.ts';

type Place = Pick<Client, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort' | 'tls'>;

export function exchangeOfHandshake(place: Place, server: ServerRuntime): Exchange {
  return new Exchange({ ...NOBODY, ...place, entry: server }, new RequestHead(), server, systemClock.now());
}

const ignore = (): void => undefined;

/** Nobody answers a handshake. */
const NOWHERE: Root = {
  sendWhole: ignore,
  start: () => GO,
  write: () => GO,
  writeKept: () => GO,
  finish: ignore,
  abort: ignore,
};

const NOBODY: Omit<Client, keyof Place | 'entry'> = {
  root: NOWHERE,
  secure: true,
  proxyProtocol: null,
  pipelined: false,
  acceptedAtMs: 0,
  bodyIsBroken: false,
  id: 0,
  requests: 0,
  informational: ignore,
  hangUp: ignore,
  readBody: ignore,
  pauseBody: ignore,
  resumeBody: ignore,
  startTunnel: ignore,
};
