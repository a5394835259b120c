// In an acceptor: what is under way on the ports of supervised processes, for the primary, which asks before it stops one. The exchanges
// themselves are looked at when somebody asks; the road of a request counts nothing for this.
import type { Exchange } from '../exchange/exchange.ts';
import { isHere } from '../upstream/discovery.ts';
import type { DrainWaits, FromAcceptor, ToAcceptor } from './messages.ts';

type Question = Extract<ToAcceptor, { type: 'drain-peer' | 'drain-stop' | 'count' }>;
/** Shows each exchange under way, and whether it is a tunnel. */
type EachExchange = (see: (exchange: Exchange, isTunnel: boolean) => void) => void;

/** How often is looked while a drain is asked for. */
const LOOK_MS = 50;

export class PeerDrain {
  readonly #each: EachExchange;
  readonly #send: (message: FromAcceptor) => void;
  readonly #asked = new Map<number, readonly number[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(each: EachExchange, send: (message: FromAcceptor) => void) {
    this.#each = each;
    this.#send = send;
  }

  take(message: Question): void {
    switch (message.type) {
      case 'count':
        return this.#send({ type: 'counts', id: message.id, ports: Object.fromEntries(this.#counts()) });
      case 'drain-stop':
        this.#asked.delete(message.id);
        return this.#rest();
      case 'drain-peer':
        this.#asked.set(message.id, message.ports);
        return this.#look();
    }
  }

  #look(): void {
    const counts = this.#counts();
    for (const [id, ports] of [...this.#asked]) {
      if (ports.some((port) => counts.has(port))) continue;
      this.#asked.delete(id);
      this.#send({ type: 'peer-idle', id });
    }
    if (this.#asked.size > 0) this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    this.#rest();
  }

  #rest(): void {
    if (this.#asked.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #counts(): Map<number, DrainWaits> {
    const counts = new Map<number, DrainWaits>();
    this.#each((exchange, isTunnel) => {
      const port = portUnder(exchange, isTunnel);
      if (port === 0) return;
      const { exchanges, tunnels } = counts.get(port) ?? NOTHING;
      counts.set(port, { exchanges: exchanges + (isTunnel ? 0 : 1), tunnels: tunnels + (isTunnel ? 1 : 0) });
    });
    return counts;
  }
}

const NOTHING: DrainWaits = { exchanges: 0, tunnels: 0 };

/** The port of this machine that an exchange waits for, gets its answer from, or is tunnelled to; 0 for none. */
function portUnder({ attempts }: Exchange, isTunnel: boolean): number {
  const last = attempts.at(-1);
  if (last === undefined || (!isTunnel && last.outcome !== 'pending')) return 0;
  const colon = last.peer.lastIndexOf(':');
  return isHere(last.peer.slice(0, colon)) ? Number(last.peer.slice(colon + 1)) : 0;
}
