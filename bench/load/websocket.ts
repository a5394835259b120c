// WebSocket echo through the proxy: what a message costs once a connection is a tunnel.
import type { Running } from '../contenders/contender.ts';
import { runMeasured, verifyShortly } from './client.ts';
import type { Load, Loader } from './load.ts';
import type { WebsocketOptions } from './websocket-client.ts';

export interface WebsocketLoad extends Load {
  readonly kind: 'websocket';
  readonly connections: number;
  /** Bytes of a message, at most 125. */
  readonly bytes: number;
}

function optionsOf({ place }: Running, load: WebsocketLoad, seconds: number): WebsocketOptions {
  return { port: place.port, connections: load.connections, bytes: load.bytes, seconds };
}

/** The standard figures, a message and its echo being a request. */
export const websocket: Loader<WebsocketLoad> = {
  verify: (running, load) => verifyShortly(running, 'websocket', optionsOf(running, load, 0)),
  run: (running, load, seconds) => runMeasured(running, 'websocket', optionsOf(running, load, seconds)),
};
