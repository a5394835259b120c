// What lies between a peer's socket and HTTP. Plain TCP needs nothing: its transport is null.
import type { Connecting, ConnectOwner, ConnectTarget } from '../socket/connect-socket.ts';

export interface Transport {
  /** Two of one key may use each other's connections; those of another key never do. Kept over a reload that changes nothing of it. */
  readonly key: string;
  /** As `connectSocket`: `owner` is told once the transport is ready to carry bytes. */
  connect(target: ConnectTarget, owner: ConnectOwner): Connecting;
}
