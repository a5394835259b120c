// The one file that knows Node's inner socket handles (libuv streams as JavaScript objects). Streams and events of `net.Socket` cost
// more than all the rest of a request (docs/decisions/010); the handles below them are what `net` itself is made of.
// `handles` is null where this Node does not offer them as expected: everything then runs on public sockets, slower.
import type { Server } from 'node:net';
import type { DetailedPeerCertificate } from 'node:tls';

/** A request to a handle: `oncomplete` is called on it, never for a write that was taken at once. */
export interface HandleRequest {
  oncomplete: ((status: number) => void) | null;
  /** -1 while no handle has it. */
  getAsyncId(): number;
}

export interface StreamHandle {
  /** Whether reading was started and not stopped; kept by whoever does, Node's sockets among them. */
  reading?: boolean;
  /** The descriptor; not on Windows. */
  readonly fd?: number;
  onread: (this: StreamHandle) => void;
  /** Reads go into this buffer from now on. */
  useUserBuffer(buf: Buffer): number;
  readStart(): number;
  readStop(): number;
  writeLatin1String(req: HandleRequest, text: string): number;
  writeBuffer(req: HandleRequest, buf: Buffer): number;
  shutdown(req: HandleRequest): number;
  close(done?: () => void): void;
  /** TCP only. */
  reset?(done: () => void): number;
  setNoDelay?(on: boolean): number;
  getpeername?(into: SocketName): number;
  getsockname?(into: SocketName): number;
  /** Bytes that the kernel has not taken; not of TLS. */
  readonly writeQueueSize?: number;
}

export interface TcpHandle extends StreamHandle {
  bind(address: string, port: number): number;
  bind6(address: string, port: number, flags: number): number;
  connect(req: HandleRequest, address: string, port: number): number;
  connect6(req: HandleRequest, address: string, port: number): number;
}

export interface PipeHandle extends StreamHandle {
  connect(req: HandleRequest, path: string): number | undefined;
}

/** A stream of TLS on top of another handle, and what can be said and asked of its handshake (Node's TLSWrap). */
export interface TlsHandle extends StreamHandle {
  onhandshakestart: (this: TlsHandle, nowMs: number) => void;
  onhandshakedone: (this: TlsHandle) => void;
  onerror: (this: TlsHandle, error: Error) => void;
  /** Only after `enableSessionCallbacks`. */
  onclienthello?: (this: TlsHandle) => void;
  onnewsession?: (this: TlsHandle, id: Buffer, session: Buffer) => void;
  /** Only after `enableCertCb`. */
  oncertcb?: (this: TlsHandle, info: { readonly OCSPRequest: boolean }) => void;
  /** Bytes that came before it took over. */
  receive(bytes: Buffer): void;
  setVerifyMode(asks: boolean, rejects: boolean): void;
  setSession(session: Buffer): void;
  setServername(name: string): void;
  /** The client says its hello. */
  start(): void;
  setALPNProtocols(protocols: Buffer): void;
  setMaxSendFragment(bytes: number): unknown;
  enableSessionCallbacks(): void;
  loadSession(session: Buffer): void;
  /** Called `endParser` before Node 26. */
  clientHelloDone?(): void;
  endParser?(): void;
  newSessionDone(): void;
  enableCertCb(): void;
  setOCSPResponse(answer: Buffer): void;
  certCbDone(): void;
  getProtocol(): string | null;
  getCipher(): { readonly name: string } | undefined;
  getALPNNegotiatedProtocol(): string | false | undefined;
  isSessionReused(): boolean;
  getSession(): Buffer | undefined;
  verifyError(): (Error & { readonly code?: string }) | null | undefined;
  getPeerCertificate(whole: boolean): DetailedPeerCertificate | undefined;
  /** Not from within one of its calls. */
  destroySSL(): void;
}

export interface TlsHandles {
  /** `context` is the inner side of a SecureContext. */
  wrap(handle: StreamHandle, context: object, isServer: boolean, hasWrites: boolean): TlsHandle;
}

export interface SocketName {
  address: string;
  family: string;
  port: number;
}

type Constructor<T, A extends unknown[] = []> = new (...args: A) => T;

interface StreamBinding {
  readonly WriteWrap: Constructor<HandleRequest>;
  readonly ShutdownWrap: Constructor<HandleRequest>;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

interface TcpBinding {
  readonly TCP: Constructor<TcpHandle, [type: number]>;
  readonly TCPConnectWrap: Constructor<HandleRequest>;
  readonly constants: { readonly SOCKET: number };
}

interface PipeBinding {
  readonly Pipe: Constructor<PipeHandle, [type: number]>;
  readonly PipeConnectWrap: Constructor<HandleRequest>;
  readonly constants: { readonly SOCKET: number };
}

export interface Handles {
  readonly stream: StreamBinding;
  readonly tcp: TcpBinding;
  readonly pipe: PipeBinding;
}

/** Read results that are no byte counts (libuv's UV_EOF). */
export const END_OF_FILE = -4095;

type Bind = (name: string) => unknown;

function binder(): Bind | null {
  // Not tried there.
  if (process.platform === 'win32') return null;
  return (process as { binding?: Bind }).binding ?? null;
}

function findHandles(): Handles | null {
  const bind = binder();
  if (bind === null) return null;
  try {
    const stream = bind('stream_wrap') as StreamBinding;
    const tcp = bind('tcp_wrap') as TcpBinding;
    const pipe = bind('pipe_wrap') as PipeBinding;
    return isComplete(stream, tcp, pipe) ? { stream, tcp, pipe } : null;
  } catch {
    return null;
  }
}

const METHODS = [
  'useUserBuffer',
  'readStart',
  'readStop',
  'writeLatin1String',
  'writeBuffer',
  'shutdown',
  'close',
] as const;

function isComplete(stream: StreamBinding, tcp: TcpBinding, pipe: PipeBinding): boolean {
  const has = (type: Constructor<StreamHandle, [number]>): boolean =>
    METHODS.every((name) => typeof (type.prototype as StreamHandle)[name] === 'function');
  return (
    stream.streamBaseState instanceof Int32Array &&
    Number.isInteger(stream.kReadBytesOrError) &&
    Number.isInteger(stream.kLastWriteWasAsync) &&
    typeof stream.WriteWrap === 'function' &&
    typeof stream.WriteWrap.prototype.getAsyncId === 'function' &&
    typeof stream.ShutdownWrap === 'function' &&
    typeof tcp.TCPConnectWrap === 'function' &&
    typeof pipe.PipeConnectWrap === 'function' &&
    has(tcp.TCP) &&
    has(pipe.Pipe)
  );
}

export const handles: Handles | null = findHandles();

/** How many arguments `wrap` takes, its methods cannot tell, and a wrong number ends the process: these were tried. */
const TLS_TRIED = { from: 22, to: 26 };

const TLS_METHODS = [
  ...['receive', 'setVerifyMode', 'setALPNProtocols', 'setMaxSendFragment', 'destroySSL', 'readStart'],
  ...['enableSessionCallbacks', 'loadSession', 'newSessionDone', 'verifyError', 'start'],
  ...['enableCertCb', 'setOCSPResponse', 'certCbDone', 'getProtocol', 'getCipher', 'isSessionReused'],
  ...[
    'getALPNNegotiatedProtocol',
    'getSession',
    'setSession',
    'setServername',
    'getPeerCertificate',
    'useUserBuffer',
    'writeBuffer',
  ],
];

let tls: TlsHandles | null | undefined;

/** TLS on handles; null where it cannot be had. Looked for when it is first asked for: what stands behind it is large. */
export function tlsHandles(): TlsHandles | null {
  tls ??= handles === null ? null : findTls();
  return tls;
}

function findTls(): TlsHandles | null {
  const major = Number.parseInt(process.versions.node, 10);
  if (major < TLS_TRIED.from || major > TLS_TRIED.to) return null;
  try {
    const found = binder()?.('tls_wrap') as (TlsHandles & { TLSWrap: Constructor<TlsHandle> }) | undefined;
    const { prototype } = found?.TLSWrap ?? {};
    const has = TLS_METHODS.every((name) => typeof Reflect.get(prototype ?? {}, name) === 'function');
    const goesOn = prototype?.clientHelloDone ?? prototype?.endParser;
    const isThere = found !== undefined && typeof found.wrap === 'function';
    return isThere && has && goesOn !== undefined ? found : null;
  } catch {
    return null;
  }
}

/**
 * Has a listening server give each connection as a bare handle to `accept` instead of making a `net.Socket` of it.
 * False where that cannot be had: the server's 'connection' event goes on as ever.
 */
export function acceptHandles(server: Server, accept: (handle: StreamHandle) => void): boolean {
  const listening = (server as { _handle?: { onconnection?: unknown } | null })._handle;
  if (handles === null || typeof listening?.onconnection !== 'function') return false;
  listening.onconnection = (status: number, handle: StreamHandle | undefined) => {
    // An accept that failed (out of descriptors): the connection is lost, the listener is not.
    if (status === 0 && handle !== undefined) accept(handle);
  };
  return true;
}
