// A connected socket on Node's own handle. All of them read into one shared buffer and write without a copy where the kernel takes the
// bytes at once, which is nearly always; no stream, no event, no tick per read or write.
// A little past 300 lines: reading, writing and ending share one handle and its state.
import { getSystemErrorName } from 'node:util';
import { READ_BYTES } from '../shared/buffers.ts';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { type ByteSocket, HIGH_WATER_BYTES, plainAddress, type SocketOwner } from './byte-socket.ts';
import {
  END_OF_FILE,
  type HandleRequest,
  type Handles,
  type SocketName,
  type StreamHandle,
} from './node-handles.ts';
import { framed, giveBack, takeAway } from './out-buffer.ts';

const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** Texts up to this size go to the kernel from the stack of the call (Node's StreamBase::WriteString). */
const SMALL_TEXT_BYTES = 16_384;

/** A first write this small needs no TCP_NODELAY: Nagle's algorithm holds back only what follows unacknowledged bytes. */
const ONE_SEGMENT_BYTES = 1_200;

const SOCKET = Symbol('socket');

type OwnHandle = StreamHandle & { [SOCKET]?: HandleSocket | undefined };

interface WriteRequest extends HandleRequest {
  socket: HandleSocket | null;
  bytes: number;
  /** Keeps the bytes of a write under way alive. */
  kept: Buffer | null;
  /** The out-buffer that the write took along. */
  store: Buffer | null;
  /** How it came out when that was known before the call that asked for it returned (TLS on a dead connection). */
  early: number | null;
}

export class HandleSocket implements ByteSocket {
  readonly #handles: Handles;
  protected readonly handle: OwnHandle;
  protected readonly owner: SocketOwner;
  #remote: SocketName | null = null;
  #local: SocketName | null = null;
  pendingBytes = 0;
  closed = false;
  ended = false;
  #written = false;
  #noDelay = false;
  #endAsked = false;
  #shutDown = false;
  #closeAsked = false;
  #writeFailed = false;
  protected error: NodeJS.ErrnoException | null = null;

  /** Takes over a connected handle; `onBytes` is called from the next turn of the loop on. */
  constructor(handles: Handles, handle: StreamHandle, owner: SocketOwner) {
    this.#handles = handles;
    this.handle = handle;
    this.owner = owner;
    this.handle[SOCKET] = this;
    handle.onread = onRead;
    handle.useUserBuffer(readBuffer);
    // A handle that comes out of a public socket reads already.
    this.resume();
  }

  get remoteAddress(): string {
    return this.#remoteName().address ?? '';
  }

  get remotePort(): number {
    return this.#remoteName().port ?? 0;
  }

  /** Asked of the kernel once, and not after the end: it no longer knows then. */
  #remoteName(): SocketName {
    if (this.#remote === null) {
      this.#remote = {};
      if (!this.closed) this.handle.getpeername?.(this.#remote);
      makePlain(this.#remote);
    }
    return this.#remote;
  }

  get localAddress(): string {
    return this.#localName().address ?? '';
  }

  get localPort(): number {
    return this.#localName().port ?? 0;
  }

  #localName(): SocketName {
    if (this.#local === null) {
      this.#local = {};
      if (!this.closed) this.handle.getsockname?.(this.#local);
      makePlain(this.#local);
    }
    return this.#local;
  }

  get mustWait(): boolean {
    return this.pendingBytes >= HIGH_WATER_BYTES;
  }

  // Reading.

  /** Called by the handle: a byte count, the end, or an error stands in the binding's state. */
  onRead(): void {
    const { streamBaseState, kReadBytesOrError } = this.#handles.stream;
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
    if (!this.canWrite(text.length)) return;
    if (text.length > SMALL_TEXT_BYTES) return this.#writeOut(framed(text, EMPTY, 0, 0, ''));
    const req = this.#request();
    this.#sent(req, this.handle.writeLatin1String(req, text), text.length);
  }

  writeFramed(before: string, buf: Buffer, from: number, to: number, after: string): void {
    if (!this.canWrite(before.length + to - from + after.length)) return;
    this.#writeOut(framed(before, buf, from, to, after));
  }

  /** Writes what `framed` has put together; its store goes along with a write that has to wait. */
  #writeOut(bytes: Buffer): void {
    const req = this.#request();
    if (this.#sent(req, this.handle.writeBuffer(req, bytes), bytes.length)) return;
    req.kept = bytes;
    req.store = takeAway(bytes);
  }

  writeKept(buf: Buffer): void {
    if (this.canWrite(buf.length)) this.sendKept(buf);
  }

  protected sendKept(buf: Buffer): void {
    const req = this.#request();
    if (!this.#sent(req, this.handle.writeBuffer(req, buf), buf.length)) req.kept = buf;
  }

  protected canWrite(length: number): boolean {
    if (this.closed || this.#endAsked || this.#closeAsked || this.#writeFailed || length === 0) return false;
    if (!this.#noDelay && (this.#written || length > ONE_SEGMENT_BYTES)) {
      this.#noDelay = true;
      this.handle.setNoDelay?.(true);
    }
    this.#written = true;
    return true;
  }

  #request(): WriteRequest {
    const req = spareRequest ?? newRequest(this.#handles);
    spareRequest = null;
    return req;
  }

  /** What came of a write: true when nothing of it has to wait. */
  #sent(req: WriteRequest, status: number, bytes: number): boolean {
    if (status !== 0) {
      this.fail(status, 'write');
      return true;
    }
    const { streamBaseState, kLastWriteWasAsync } = this.#handles.stream;
    if (streamBaseState[kLastWriteWasAsync] === 0) {
      spareRequest = req;
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
    const req = new this.#handles.stream.ShutdownWrap();
    req.oncomplete = done;
    // The other side may be gone already: reading says so.
    if (this.handle.shutdown(req) !== 0) done();
  }

  protected closeHandle(): void {
    this.handle.close(onClosed);
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

  /** Called by the handle, once. */
  onClosed(): void {
    try {
      this.owner.onClosed(this.error);
    } catch (error) {
      rethrowLater(error);
    }
  }
}

function onRead(this: OwnHandle): void {
  this[SOCKET]?.onRead();
}

function onClosed(this: OwnHandle): void {
  const socket = this[SOCKET];
  this[SOCKET] = undefined;
  socket?.onClosed();
}

function onWritten(this: WriteRequest, status: number): void {
  const { socket, store } = this;
  this.kept = null;
  this.store = null;
  if (store !== null) giveBack(store);
  if (socket === null) this.early = status;
  else socket.onWritten(this.bytes, status);
}

const EMPTY = Buffer.alloc(0);

/** A write that is taken at once leaves its request unused: the next one has it. */
let spareRequest: WriteRequest | null = null;

function newRequest(handles: Handles): WriteRequest {
  const req = new handles.stream.WriteWrap() as WriteRequest;
  req.oncomplete = onWritten;
  req.socket = null;
  req.bytes = 0;
  req.kept = null;
  req.store = null;
  req.early = null;
  return req;
}

function makePlain(name: SocketName): void {
  if (name.address !== undefined) name.address = plainAddress(name.address);
}
