// A peer may answer and close while the request is still being sent. Then a write fails first, and Node would destroy the socket with
// the answer unread in it: so the error of a write waits until the reading side has come to its own end.
import type { Socket } from 'node:net';

type Done = (error?: Error | null) => void;

/** Who is to hear that the peer takes no more, by socket: the present request's. */
const HELD = new WeakMap<Socket, HeldWrites>();

/** The connection to the peer is gone for writing; what it has sent before can still be read. */
function isCut(error: NodeJS.ErrnoException | null | undefined): boolean {
  return error?.code === 'EPIPE' || error?.code === 'ECONNRESET';
}

class HeldWrites {
  /** The error that waits. */
  failed = false;
  onFailed: () => void = () => {};

  constructor(socket: Socket) {
    let release: (() => void) | null = null;
    const held = (done: Done): Done => {
      return (error) => {
        if (!isCut(error) || socket.readableEnded || socket.destroyed) return done(error);
        release = () => done(error);
        this.failed = true;
        this.onFailed();
      };
    };
    const { _write: write, _writev: writev } = socket;
    socket._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, held(done));
    if (writev !== undefined) socket._writev = (chunks, done) => writev.call(socket, chunks, held(done));
    socket.once('end', () => release?.());
  }
}

/** From here on a failed write does not end the socket while there is something to read. `onFailed` replaces an earlier request's. */
export function holdWriteErrors(socket: Socket, onFailed: () => void): void {
  let held = HELD.get(socket);
  if (held === undefined) {
    held = new HeldWrites(socket);
    HELD.set(socket, held);
  }
  held.onFailed = onFailed;
}

/** The peer takes no more of the request. */
export function takesNoMore(socket: Socket): boolean {
  return HELD.get(socket)?.failed === true;
}
