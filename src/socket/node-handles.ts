// The one file that knows Node's inner socket handles (libuv streams as JavaScript objects). Streams and events of `net.Socket` cost
// more than all the rest of a request (docs/decisions/010); the handles below them are what `net` itself is made of.
// `handles` is null where this Node does not offer them as expected: everything then runs on public sockets, slower.
import type { Server, Socket } from 'node:net';

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
  close(done: () => void): void;
  /** TCP only. */
  reset?(done: () => void): number;
  setNoDelay?(on: boolean): number;
  getpeername?(into: SocketName): number;
  getsockname?(into: SocketName): number;
  /** Bytes that the kernel has not taken; not of TLS. */
  readonly writeQueueSize?: number;
  /** What a handle of TLS is on top of. */
  readonly _parent?: StreamHandle;
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

export interface SocketName {
  address?: string;
  port?: number;
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

function findHandles(): Handles | null {
  // Not tried there.
  if (process.platform === 'win32') return null;
  const bind = (process as { binding?: (name: string) => unknown }).binding;
  if (bind === undefined) return null;
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

/** The handle of a public socket whose methods are all there; null where it has another make. */
export function handleOf(socket: Socket): StreamHandle | null {
  const handle = (socket as unknown as { _handle?: Partial<StreamHandle> | null })._handle;
  const has = METHODS.every((name) => typeof handle?.[name] === 'function');
  return has && typeof handle?.onread === 'function' ? (handle as StreamHandle) : null;
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
