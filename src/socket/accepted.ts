// Connections as a listening server gives them, and the socket that is made of each.
import { type Server, Socket } from 'node:net';
import { plainAddress, type SocketOwner } from './byte-socket.ts';
import { HandleSocket } from './handle-socket.ts';
import { acceptHandles, handles, type SocketName, type StreamHandle } from './node-handles.ts';
import { StreamSocket } from './stream-socket.ts';

/** What a server accepted: a public socket, or the bare handle of one. */
export type Accepted = Socket | StreamHandle;

/** One that had another owner before. */
export type OwnedSocket = HandleSocket | StreamSocket;

/** The socket of an accepted connection; `owner` is told of everything from the next turn of the loop on. */
export function socketOf(accepted: Accepted | OwnedSocket, owner: SocketOwner): OwnedSocket {
  if (accepted instanceof HandleSocket || accepted instanceof StreamSocket) {
    accepted.giveTo(owner);
    return accepted;
  }
  const socket = makeOf(accepted, owner);
  // A TCP client that was reset before it was accepted has bytes to read and no address any more: nobody may take it for a Unix client.
  if (socket.remoteAddress === '' && socket.localAddress !== '') socket.destroy();
  return socket;
}

function makeOf(accepted: Accepted, owner: SocketOwner): OwnedSocket {
  if (handles === null || accepted instanceof Socket) return new StreamSocket(accepted as Socket, owner);
  return new HandleSocket(handles, accepted, owner);
}

/** The number of its descriptor; -1 where it is not known. */
export function descriptorOf(accepted: Accepted): number {
  if (!(accepted instanceof Socket)) return accepted.fd ?? -1;
  return (accepted as unknown as { _handle?: { readonly fd?: number } | null })._handle?.fd ?? -1;
}

/** The address that the client came to; '' where it has none. */
export function localAddressOf(accepted: Accepted): string {
  const name: SocketName = { address: '', family: '', port: 0 };
  if (!(accepted instanceof Socket)) accepted.getsockname?.(name);
  const address = accepted instanceof Socket ? accepted.localAddress : name.address;
  // A link-local address comes with its interface.
  return plainAddress((address ?? '').replace(/%.*$/, ''));
}

/** Ends a connection that nobody took. */
export function turnAway(accepted: Accepted): void {
  if (accepted instanceof Socket) accepted.destroy();
  else accepted.close(() => {});
}

/** Has a listening server without TLS give bare handles where that can be had; false: its 'connection' event goes on as ever. */
export function acceptBare(server: Server, accept: (accepted: Accepted) => void): boolean {
  return acceptHandles(server, accept);
}
