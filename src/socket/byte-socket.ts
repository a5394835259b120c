// A connected socket as the road uses it: bytes lent on the way in, whole pieces on the way out, no streams and no events in between.
// Two makes of it: handle-socket.ts on Node's own handles, stream-socket.ts on its public sockets.

/** Bytes that wait for the kernel above which `mustWait` holds whoever makes more. */
export const HIGH_WATER_BYTES = 65_536;

/** Who uses the socket at the moment. An exception of its own must not leave it. */
export interface SocketOwner {
  /** `buf[0, length)` is lent for the length of the call: copy what must outlive it. */
  onBytes(buf: Buffer, length: number): void;
  /** The other side sent FIN; ours stays open. */
  onEnd(): void;
  /** Bytes had to wait, and now all of them have gone to the kernel. */
  onDrained(): void;
  /** The socket is gone: the last call. `error` is null when it closed without one. */
  onClosed(error: NodeJS.ErrnoException | null): void;
  /**
   * Nothing more can be written: the other side has closed or reset. Where it is there, the socket stays open until all has been read that
   * the other side had sent (the kernel keeps it beyond a reset), and ends with the error then. Without it the socket ends at once.
   */
  onWriteFailed?(): void;
}

export interface ByteSocket {
  /** '' once it is gone or where the family has none; IPv4 clients of a dual-stack socket show as IPv4. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Bytes that were written and that the kernel has not taken. */
  readonly pendingBytes: number;
  /** So many wait that nothing should be written until `onDrained`. */
  readonly mustWait: boolean;
  /** Nothing can be written any more: it is closed, or closing. */
  readonly closed: boolean;
  /** The other side sent FIN. */
  readonly ended: boolean;

  /** Writes a latin1 text. */
  writeText(text: string): void;
  /** Writes `before` (a latin1 text, or its bytes), `buf[from, to)` and `after` at once; the buffer is the caller's again when the call returns. */
  writeFramed(before: string | Buffer, buf: Buffer, from: number, to: number, after: string): void;
  /** Writes a buffer that stays as it is until `pendingBytes` is 0 (`onDrained`), without a copy. */
  writeKept(buf: Buffer): void;

  /** Reads nothing more; over TLS what was read already, 64 KB at most, still comes. */
  pause(): void;
  resume(): void;
  /** Half-closes after what was written has gone. */
  end(): void;
  /** Closes after what was written has gone. */
  closeSoon(): void;
  destroy(): void;
  /** Closes so that the other side sees an error: RST over TCP; over TLS no close_notify. */
  reset(): void;
}

/** IPv4 clients of a dual-stack socket show as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
