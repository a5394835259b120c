// TLS handshakes, full and resumed: one connection per request.
import type { Running } from '../contenders/contender.ts';
import { runMeasured, verifyShortly } from './client.ts';
import type { HandshakesOptions } from './handshakes-client.ts';
import type { Load, Loader } from './load.ts';

export interface HandshakesLoad extends Load {
  readonly kind: 'handshakes';
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  /** Every connection offers a session; one that the server does not resume is a failure. */
  readonly resume: boolean;
  readonly concurrency: number;
}

const ANSWER_BYTES = 48;

function optionsOf({ place }: Running, load: HandshakesLoad, seconds: number): HandshakesOptions {
  const { version, resume, concurrency } = load;
  const answer = { path: `/${ANSWER_BYTES}`, answerBytes: ANSWER_BYTES };
  return { port: place.port, version, resume, concurrency, ...answer, seconds };
}

/** The standard figures: CPU is of the whole connection with its request, latency of the handshake alone. */
export const handshakes: Loader<HandshakesLoad> = {
  verify: (running, load) => verifyShortly(running, 'handshakes', optionsOf(running, load, 0)),
  run: (running, load, seconds) => runMeasured(running, 'handshakes', optionsOf(running, load, seconds)),
};
