// A client may send further requests before it has the answer to the first. When it leaves, node:http (before 26) tells only the response
// that is being sent; those that wait for their turn never hear of it, and what they wait for would go on for nobody.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const OPEN = new WeakMap<Socket, Set<ServerResponse>>();

/** From here on `res` closes with its client's connection, whether or not its turn had come. */
export function closeWithClient({ httpVersionMajor, socket }: IncomingMessage, res: ServerResponse): void {
  // An HTTP/2 stream ends by itself.
  if (httpVersionMajor > 1) return;
  const open = OPEN.get(socket) ?? watch(socket);
  open.add(res);
  res.once('close', () => open.delete(res));
}

function watch(socket: Socket): Set<ServerResponse> {
  const open = new Set<ServerResponse>();
  OPEN.set(socket, open);
  // After node:http has told the one that it knows of.
  socket.once('close', () => process.nextTick(closeAll, open));
  return open;
}

function closeAll(open: Set<ServerResponse>): void {
  for (const res of open) {
    res.destroy();
    res.emit('close');
  }
}
