// When a server has read what was sent to it: what the next piece meets is then no matter of luck.
import { exchangeOnce } from '../support/wire.ts';
import { request, type Side } from './pair.ts';

/** Stands in the server that is waited for. */
export const PING = 'location = /ping { access_log off; return 204; }';

/**
 * Of all that was written to this side's connections. One process takes events in the order they came in (epoll has one queue): once it has
 * answered who came later it has dealt with who came before.
 */
export async function wasRead(side: Side): Promise<void> {
  await exchangeOnce(side.port, request('GET', '/ping'));
}
