// Who looks on while requests pass: what a tap is to the road. Where nobody looks on there is none, and nothing asks for it.
import type { Exchange } from './exchange.ts';

export interface RoadTap {
  /** An exchange is about to be dispatched: the tap may put a root of its own in front of the client's. */
  begin(x: Exchange): void;
  /** This head goes to a peer. latin1. */
  toPeer(x: Exchange, head: string): void;
}
