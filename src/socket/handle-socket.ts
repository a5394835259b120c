// A connected socket on Node's own handle. All of them read into one shared buffer and write without a copy where the kernel takes the
// bytes at once, which is nearly always; no stream, no event, no tick per read or write.
// A little past 300 lines: reading, writing and ending share one handle and its state.
import { getSystemErrorName } from 'node:util';
import { readBuffer } from '../shared/buffers.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { type ByteSocket, HIGH_WATER_BYTES, plainAddress, type SocketOwner } from './byte-socket.ts';
import { END_OF_FILE, type Handles, type SocketName, type StreamHandle } from './node-handles.ts';
import { framed, framedText, takeAway } from './out-buffer.ts';
import { giveRequestBack, takeRequest, type WriteRequest, type Writer } from './write-request.ts';

/** Texts up to this size go to the kernel from the stack of the call (Node's StreamBase::WriteString). */
const SMALL_TEXT_BYTES = 16_384;

/** A first write this small needs no TCP_NODELAY: Nagle's algorithm holds back only what follows unacknowledged bytes. */
const ONE_SEGMENT_BYTES = 1_200;

export const SOCKET = Symbol('socket');

export type OwnHandle = StreamHandle & { [SOCKET]?: HandleSocket | undefined };

export class HandleSocket implements ByteSocket, Writer {
  protected readonly handles: Handles;
  protected readonly handle: OwnHandle;
  protected owner: SocketOwner;
  #remoteKnown = false;
  #remoteAddress = '';
  #remotePort = 0;
  #localKnown = false;
  #localAddress = '';
  #localPort = 0;
  pendingBytes = 0;
  closed = false;
  ended = false;
  #written = false;
  #noDelay = false;
  #endAsked = false;
  #shutDown = false;
  #closeAsked = false;
  #writeFailed = false;
  #closedNext: HandleSocket | null = null;
  protected error: NodeJS.ErrnoException | null = null;

  /** Takes over a connected handle; `onBytes` is called from the next turn of the loop on. */
  constructor(handles: Handles, handle: StreamHandle, owner: SocketOwner) {
    this.handles = handles;
    this.handle = handle;
    this.owner = owner;
    this.answersFor(handle);
    handle.onread = onRead;
    handle.useUserBuffer(readBuffer);
    // A handle that comes out of a public socket reads already.
    this.resume();
  }

  /** What the handle calls, of bytes, the end and the close, comes to this socket. */
  protected answersFor(handle: OwnHandle): void {
    handle[SOCKET] = this;
  }

  /** From now on somebody else is told; called inside of the present owner's calls, or before the first. */
  giveTo(owner: SocketOwner): void {
    this.owner = owner;
  }

  /** The handle belongs to who calls, as it is: reading, and open. Of this socket nothing is heard any more. */
  release(): StreamHandle {
    this.closed = true;
    this.handle[SOCKET] = undefined;
    return this.handle;
  }

  /** Whose connection it was. */
  protected takeNames(of: HandleSocket): void {
    this.#remoteKnown = of.#remoteKnown;
    this.#remoteAddress = of.#remoteAddress;
    this.#remotePort = of.#remotePort;
  }

  /** The connection itself, below whatever is on top of it. */
  protected get wire(): StreamHandle {
    return this.handle;
  }

  get remoteAddress(): string {
    if (!this.#remoteKnown) this.#askRemote();
    return this.#remoteAddress;
  }

  get remotePort(): number {
    if (!this.#remoteKnown) this.#askRemote();
    return this.#remotePort;
  }

  /** Asked of the kernel once, and not after the end: it no longer knows then. */
  #askRemote(): void {
    this.#remoteKnown = true;
    const name = this.#ask('getpeername');
    this.#remoteAddress = plainAddress(name.address);
    this.#remotePort = name.port;
  }

  get localAddress(): string {
    if (!this.#localKnown) this.#askLocal();
    return this.#localAddress;
  }

  get localPort(): number {
    if (!this.#localKnown) this.#askLocal();
    return this.#localPort;
  }

  #askLocal(): void {
    this.#localKnown = true;
    const name = this.#ask('getsockname');
    this.#localAddress = plainAddress(name.address);
    this.#localPort = name.port;
  }

  #ask(call: 'getpeername' | 'getsockname'): SocketName {
    asked.address = '';
    asked.port = 0;
    if (!this.closed) this.wire[call]?.(asked);
    return asked;
  }

  get mustWait(): boolean {
    return this.pendingBytes >= HIGH_WATER_BYTES;
  }

  // Reading.

  /** Called by the handle: a byte count, the end, or an error stands in the binding's state. */
  onRead(): void {
    const { streamBaseState, kReadBytesOrError } = this.handles.stream;
    const length = streamBaseState[kReadBytesOrError];
    if (length === 0 || this.closed) return;
    try {
      if (length > 0) this.owner.onBytes(readBuffer, length);
      else this.onReadEnd(length);
    } catch (error) {
      rethrowLater(error);
      this.destroy();
    }
  }

  /** Nothing more comes: the other side's FIN, or an error. */
  protected onReadEnd(status: number): void {
    if (status !== END_OF_FILE) return this.fail(status, 'read');
    // Behind a reset that a write has met already the kernel reports a plain end.
    if (this.#writeFailed) return this.destroy();
    this.ended = true;
    this.handle.reading = false;
    this.owner.onEnd();
    if (this.#shutDown) this.destroy();
  }

  pause(): void {
    if (!this.handle.reading || this.closed) return;
    this.handle.reading = false;
    this.handle.readStop();
  }

  resume(): void {
    if (this.handle.reading || this.closed || this.ended) return;
    this.handle.reading = true;
    const status = this.handle.readStart();
    if (status < 0) this.fail(status, 'read');
  }

  // Writing.

  writeText(text: string): void {
    if (this.canWrite(text.length)) this.sendText(text);
  }

  writeFramed(before: string | Buffer, buf: Buffer, from: number, to: number, after: string): void {
    if (!this.canWrite(before.length + to - from + after.length)) return;
    this.sendFramed(framed(before, buf, from, to, after));
  }

  writeKept(buf: Buffer): void {
    if (this.canWrite(buf.length)) this.sendKept(buf);
  }

  protected sendText(text: string): void {
    if (text.length > SMALL_TEXT_BYTES) return this.sendFramed(framedText(text));
    const req = takeRequest(this.handles);
    this.#sent(req, this.handle.writeLatin1String(req, text), text.length);
  }

  /** What `framed` has put together; its store goes along with a write that has to wait. */
  protected sendFramed(bytes: Buffer): void {
    const req = takeRequest(this.handles);
    if (this.#sent(req, this.handle.writeBuffer(req, bytes), bytes.length)) return;
    req.kept = bytes;
    req.store = takeAway(bytes);
  }

  protected sendKept(buf: Buffer): void {
    const req = takeRequest(this.handles);
    if (!this.#sent(req, this.handle.writeBuffer(req, buf), buf.length)) req.kept = buf;
  }

  protected canWrite(length: number): boolean {
    if (this.closed || this.#endAsked || this.#closeAsked || this.#writeFailed || length === 0) return false;
    if (!this.#noDelay && (this.#written || length > ONE_SEGMENT_BYTES)) {
      this.setNoDelay();
    }
    this.#written = true;
    return true;
  }

  protected setNoDelay(): void {
    this.#noDelay = true;
    this.wire.setNoDelay?.(true);
  }

  /** What came of a write: true when nothing of it has to wait. */
  #sent(req: WriteRequest, status: number, bytes: number): boolean {
    if (status !== 0) {
      this.fail(status, 'write');
      return true;
    }
    const { streamBaseState, kLastWriteWasAsync } = this.handles.stream;
    if (streamBaseState[kLastWriteWasAsync] === 0) {
      giveRequestBack(req);
      return true;
    }
    if (req.early !== null) {
      if (req.early < 0) this.fail(req.early, 'write');
      return true;
    }
    req.socket = this;
    req.bytes = bytes;
    this.pendingBytes += bytes;
    return false;
  }

  /** Called by the handle: a write that had to wait has gone, or failed. */
  onWritten(bytes: number, status: number): void {
    this.pendingBytes -= bytes;
    if (this.closed) return;
    try {
      if (status < 0) {
        this.fail(status, 'write');
        // Nothing waits any more: whoever held back goes on, and is dropped here.
        if (!this.closed && this.pendingBytes === 0) this.#onDrained();
      } else if (this.pendingBytes === 0) this.#onDrained();
    } catch (error) {
      rethrowLater(error);
      this.destroy();
    }
  }

  #onDrained(): void {
    if (this.#closeAsked) return this.closeCleanly();
    if (this.#endAsked) return this.#shutdown();
    this.owner.onDrained();
  }

  // Ending.

  end(): void {
    if (this.#endAsked || this.closed) return;
    this.#endAsked = true;
    if (this.pendingBytes === 0) this.#shutdown();
  }

  #shutdown(): void {
    this.shutDownHandle(() => {
      this.#shutDown = true;
      if (this.ended) this.destroy();
    });
  }

  protected shutDownHandle(done: () => void): void {
    const req = new this.handles.stream.ShutdownWrap();
    req.oncomplete = done;
    // The other side may be gone already: reading says so.
    if (this.handle.shutdown(req) !== 0) done();
  }

  /** The descriptor is closed when this returns. To be told of it by the handle would cost a call into JavaScript for each. */
  protected closeHandle(): void {
    this.handle.close();
    if (firstClosed === null) {
      firstClosed = this;
      void SOON.then(tellClosed);
    } else if (lastClosed !== null) lastClosed.#closedNext = this;
    lastClosed = this;
  }

  closeSoon(): void {
    if (this.#closeAsked) return;
    this.#closeAsked = true;
    if (this.#writeFailed) this.destroy();
    else if (this.pendingBytes === 0) this.closeCleanly();
  }

  /** All was written: the kernel sends what it has, and our FIN behind it. */
  protected closeCleanly(): void {
    this.destroy();
  }

  protected fail(status: number, call: 'read' | 'write'): void {
    if (this.closed) return;
    const code = getSystemErrorName(status);
    // The write that failed first says more than the end that follows from it.
    this.error ??= Object.assign(new Error(`${call} ${code}`), { code, errno: status, syscall: call });
    if (call === 'write' && this.#readsOn()) return;
    this.destroy();
  }

  /** What the other side sent before it closed may still be read, if somebody wants that. */
  #readsOn(): boolean {
    const { owner } = this;
    if (this.ended || this.#closeAsked || owner.onWriteFailed === undefined) return false;
    if (this.#writeFailed) return true;
    this.#writeFailed = true;
    owner.onWriteFailed();
    return true;
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.closeHandle();
  }

  reset(): void {
    // After a shutdown libuv refuses, and the other side has seen our end already. One that waits for its turn was not begun.
    const begun = this.#endAsked && this.pendingBytes === 0;
    if (this.closed || begun || this.handle.reset === undefined) return this.destroy();
    this.closed = true;
    this.handle.reset(onClosed);
  }

  /** Its handle is closed, and nothing comes of that any more. Gives the one that was closed next. */
  onGone(): HandleSocket | null {
    const next = this.#closedNext;
    this.#closedNext = null;
    // One that was released meanwhile has nobody to tell.
    if (this.handle[SOCKET] !== this) return next;
    this.handle[SOCKET] = undefined;
    this.onClosed();
    return next;
  }

  /** The last call, once. */
  onClosed(): void {
    try {
      this.owner.onClosed(this.error);
    } catch (error) {
      rethrowLater(error);
    }
  }
}

/** Those whose owners have not heard yet that they are gone, in the order in which they were closed. */
let firstClosed: HandleSocket | null = null;
let lastClosed: HandleSocket | null = null;
const SOON = Promise.resolve();

function tellClosed(): void {
  let socket = firstClosed;
  firstClosed = lastClosed = null;
  while (socket !== null) socket = socket.onGone();
}

function onRead(this: OwnHandle): void {
  this[SOCKET]?.onRead();
}

export function onClosed(this: OwnHandle): void {
  const socket = this[SOCKET];
  this[SOCKET] = undefined;
  socket?.onClosed();
}

/** What the kernel is asked to fill in. */
const asked: SocketName = { address: '', family: '', port: 0 };
