// TLS on the handle of its connection, without a public socket in between: Node's streams and events around a handshake cost as much as an
// eighth of it, and kilobytes for as long as the connection lives (docs/decisions/029). Bytes are as in handle-socket.ts, but a write is
// encrypted within its call and reported later in the same turn of the loop, and until then a second one would end the process.
import type { DetailedPeerCertificate } from 'node:tls';
import { copyOf } from '../shared/buffers.ts';
import type { SocketOwner } from './byte-socket.ts';
import { HandleSocket, type OwnHandle, onClosed, SOCKET } from './handle-socket.ts';
import type { Handles, StreamHandle, TlsHandle, TlsHandles } from './node-handles.ts';
import { framedText } from './out-buffer.ts';
import type { TlsEnd, VerifyError } from './tls/tls-end.ts';
import { isUnderWay, onWritten, takeMarkedRequest, type WriteRequest } from './write-request.ts';

/** Above it the end of a write is always asked for: TLS may need several goes. */
const SMALL_BYTES = 16_384;
/** What a connection says whose other side is gone; TLS does not tell more of a write that failed within its call. */
const BROKEN_PIPE = -32;

/** All that is had where TLS runs on handles. */
export interface OwnTls {
  readonly handles: Handles;
  readonly tls: TlsHandles;
}

/** `plain` ends: its connection goes on below TLS. `context` is the inner side of a SecureContext. */
export function tlsOn(
  { tls }: OwnTls,
  plain: HandleSocket,
  context: object,
  isServer: boolean,
): { readonly wire: StreamHandle; readonly handle: TlsHandle } {
  const wire = plain.release();
  const handle = tls.wrap(wire, context, isServer, false);
  // As it is: a handle that reads is not started again.
  handle.reading = wire.reading === true;
  return { wire, handle };
}

export class TlsHandleSocket extends HandleSocket implements TlsEnd {
  rosterPlace = -1;
  protected readonly tls: TlsHandle;
  readonly #wire: StreamHandle;
  /** The request of the last write, if that still has its mark. */
  #last: WriteRequest | null = null;
  #mark = 0;
  /** What was written while a write is under way. */
  #waiting: Buffer[] = [];

  constructor(
    handles: Handles,
    { wire, handle }: { readonly wire: StreamHandle; readonly handle: TlsHandle },
    owner: SocketOwner,
  ) {
    super(handles, handle, owner);
    this.tls = handle;
    this.#wire = wire;
    // The close of the connection comes from there.
    this.answersFor(wire);
    handle.onerror = onError;
    // What goes out in a handshake would else hold up what follows it.
    this.setNoDelay();
  }

  protected override get wire(): StreamHandle {
    return this.#wire;
  }

  /** TLS has a write whose end it has not reported. */
  #busy(): boolean {
    return this.#last !== null && this.#last.mark === this.#mark && isUnderWay(this.#last);
  }

  protected override sendText(text: string): void {
    this.sendFramed(framedText(text));
  }

  protected override sendFramed(bytes: Buffer): void {
    if (this.#busy()) this.#queue(copyOf(bytes, 0, bytes.length));
    else this.#encrypt(bytes);
  }

  protected override sendKept(buf: Buffer): void {
    if (this.#busy()) this.#queue(buf);
    else this.#encrypt(buf);
  }

  #queue(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.pendingBytes += bytes.length;
    this.#askForEnd();
  }

  /** The end of the write under way comes to `onWritten`. */
  #askForEnd(): void {
    if (this.#last === null) return;
    this.#last.socket = this;
    this.#last.oncomplete = onWritten;
  }

  /** The bytes are the caller's again when it returns: what the kernel does not take waits encrypted. */
  #encrypt(bytes: Buffer): void {
    const req = takeMarkedRequest(this.handles);
    this.#last = req;
    this.#mark = req.mark;
    req.bytes = 0;
    const isSmall = bytes.length <= SMALL_BYTES;
    if (!isSmall) this.#askForEnd();
    const status = this.handle.writeBuffer(req, bytes);
    if (status !== 0) return this.fail(status, 'write');
    if (!isUnderWay(req)) {
      if (isSmall) this.fail(BROKEN_PIPE, 'write');
      return;
    }
    if (isSmall && this.wire.writeQueueSize === 0) return;
    req.bytes = bytes.length;
    this.pendingBytes += bytes.length;
    this.#askForEnd();
  }

  /** A write has gone: what was written meanwhile goes as the next one. */
  override onWritten(bytes: number, status: number): void {
    this.#last = null;
    if (status < 0) this.#forgetWaiting();
    if (status < 0 || this.closed || this.#waiting.length === 0) return super.onWritten(bytes, status);
    const next = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.pendingBytes -= bytes + next.length;
    this.#encrypt(next);
    if (this.pendingBytes === 0) super.onWritten(0, 0);
  }

  /** Behind a write that failed nothing can go: nobody waits for it. */
  #forgetWaiting(): void {
    for (const { length } of this.#waiting) this.pendingBytes -= length;
    this.#waiting = [];
  }

  /** An end that overtakes a write would come without close_notify. */
  protected override shutDownHandle(done: () => void): void {
    if (this.#busy()) this.#askForEnd();
    else super.shutDownHandle(done);
  }

  /** With close_notify, by which the other side knows that nothing is missing. */
  protected override closeCleanly(): void {
    if (this.#busy()) this.#askForEnd();
    else if (!this.closed) super.shutDownHandle(() => this.destroy());
  }

  /** Without close_notify and last chunk a cut connection is as clear as one that is reset. */
  override reset(): void {
    this.destroy();
  }

  protected override closeHandle(): void {
    this.#wire.close(onClosed);
  }

  /** Nothing of TLS is under way in the call of a close. */
  override onClosed(): void {
    this.tls.destroySSL();
    super.onClosed();
  }

  /** Called by the handle: what TLS itself finds wrong. */
  onTlsError(error: Error): void {
    this.error ??= error;
    this.destroy();
  }

  // What TLS knows.

  get protocol(): string {
    return (this.closed ? null : this.tls.getProtocol()) ?? '';
  }

  get cipher(): string {
    return (this.closed ? undefined : this.tls.getCipher()?.name) ?? '';
  }

  get alpn(): string {
    const agreed = this.closed ? false : this.tls.getALPNNegotiatedProtocol();
    return typeof agreed === 'string' ? agreed : '';
  }

  get reused(): boolean {
    return !this.closed && this.tls.isSessionReused();
  }

  get session(): Buffer | undefined {
    return this.closed ? undefined : this.tls.getSession();
  }

  get shown(): DetailedPeerCertificate | undefined {
    const certificate = this.closed ? undefined : this.tls.getPeerCertificate(true);
    return certificate?.fingerprint256 === undefined ? undefined : certificate;
  }

  get verifyError(): VerifyError | null | undefined {
    return this.closed ? undefined : (this.tls.verifyError() ?? null);
  }

  limitRecords(bytes: number): void {
    if (!this.closed) this.tls.setMaxSendFragment(bytes);
  }
}

type ErrorHandle = TlsHandle & OwnHandle & { [SOCKET]?: TlsHandleSocket };

function onError(this: ErrorHandle, error: Error): void {
  this[SOCKET]?.onTlsError(error);
}
