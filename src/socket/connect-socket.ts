// Opens a socket to an address: on a handle where that can be had and the address needs no look-up, otherwise on a public socket.
import { connect, isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { BIND_FAILED } from '../shared/failure.ts';
import type { LocalAddress } from '../shared/local-address.ts';
import type { OwnedSocket } from './accepted.ts';
import type { SocketOwner } from './byte-socket.ts';
import { HandleSocket } from './handle-socket.ts';
import { type HandleRequest, type Handles, handles, type StreamHandle } from './node-handles.ts';
import { StreamSocket } from './stream-socket.ts';

export type ConnectTarget = ({ readonly host: string; readonly port: number } | { readonly path: string }) &
  Partial<LocalAddress>;

/** What becomes of a socket that is being opened. Neither is called inside of `connectSocket` or after `cancel`. */
export interface ConnectOwner extends SocketOwner {
  onConnected(socket: OwnedSocket): void;
  onNotConnected(error: NodeJS.ErrnoException): void;
}

/** An attempt to connect that is under way. */
export interface Connecting {
  cancel(): void;
}

export function connectSocket(target: ConnectTarget, owner: ConnectOwner): Connecting {
  if (handles !== null && ('path' in target || target.host === LOCALHOST || isIP(target.host) !== 0))
    return new ConnectingHandle(handles, target, owner);
  return connectPublic(target, owner);
}

/** This machine itself (RFC 6761 §6.3), by either family: whoever listens may have taken one of them. */
export const LOCALHOST = 'localhost';
export const LOOPBACKS = ['127.0.0.1', '::1'];

const CONNECTING = Symbol('connecting');

interface ConnectRequest extends HandleRequest {
  [CONNECTING]: ConnectingHandle | null;
}

class ConnectingHandle implements Connecting {
  readonly #handles: Handles;
  #handle: StreamHandle;
  readonly #target: ConnectTarget;
  readonly #owner: ConnectOwner;
  /** How many of the LOOPBACKS were tried. */
  #tried = 0;
  /** Why the first of them did not answer. */
  #firstStatus = 0;
  #done = false;

  constructor(own: Handles, target: ConnectTarget, owner: ConnectOwner) {
    this.#handles = own;
    this.#target = target;
    this.#owner = owner;
    this.#handle = this.#open();
  }

  #open(): StreamHandle {
    const target = this.#target;
    const own = this.#handles;
    const host = 'path' in target ? '' : target.host === LOCALHOST ? LOOPBACKS[this.#tried++] : target.host;
    const [handle, req, status] = 'path' in target ? openPipe(own, target) : openTcp(own, host, target);
    req.oncomplete = onComplete;
    req[CONNECTING] = this;
    if (status !== 0) setImmediate(() => this.onComplete(status));
    return handle;
  }

  /** Called by the request, once. */
  onComplete(status: number): void {
    if (this.#done) return;
    if (status !== 0) this.#handle.close(onClosed);
    this.#firstStatus ||= status;
    if (status !== 0 && this.#tried === 1) {
      this.#handle = this.#open();
      return;
    }
    this.#done = true;
    if (status === 0) this.#owner.onConnected(new HandleSocket(this.#handles, this.#handle, this.#owner));
    else this.#owner.onNotConnected(connectError(this.#firstStatus, this.#target));
  }

  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    this.#handle.close(onClosed);
  }
}

/** One for all: what hangs on a request that has a closure of its own lives through all minor collections (`npm run counts`: surviving). */
function onComplete(this: ConnectRequest, status: number): void {
  const connecting = this[CONNECTING];
  this[CONNECTING] = null;
  connecting?.onComplete(status);
}

function onClosed(): void {}

type TcpTarget = Extract<ConnectTarget, { readonly port: number }>;
type PipeTarget = Extract<ConnectTarget, { readonly path: string }>;

const UV_EINVAL = -22;
/** No status of the system: the connection cannot come from the address that it was to. */
const NOT_BOUND = 1;

type Opened = readonly [handle: StreamHandle, req: ConnectRequest, status: number];

/** A status of its own: no other peer could be reached from there. */
function openTcp({ tcp }: Handles, host: string, { port, localAddress, localPort }: TcpTarget): Opened {
  const handle = new tcp.TCP(tcp.constants.SOCKET);
  const req = new tcp.TCPConnectWrap() as ConnectRequest;
  if (localAddress !== undefined) {
    const status =
      isIP(localAddress) !== isIP(host)
        ? UV_EINVAL
        : isIP(localAddress) === 6
          ? handle.bind6(localAddress, localPort ?? 0, 0)
          : handle.bind(localAddress, localPort ?? 0);
    if (status !== 0) return [handle, req, NOT_BOUND];
  }
  const status = isIP(host) === 6 ? handle.connect6(req, host, port) : handle.connect(req, host, port);
  return [handle, req, status];
}

function openPipe({ pipe }: Handles, { path, localAddress }: PipeTarget): Opened {
  const handle = new pipe.Pipe(pipe.constants.SOCKET);
  const req = new pipe.PipeConnectWrap() as ConnectRequest;
  return [handle, req, localAddress === undefined ? (handle.connect(req, path) ?? 0) : NOT_BOUND];
}

function connectError(status: number, target: ConnectTarget): NodeJS.ErrnoException {
  const code = status === NOT_BOUND ? BIND_FAILED : getSystemErrorName(status);
  const place = 'path' in target ? target.path : `${target.host}:${target.port}`;
  const from = target.localAddress === undefined ? '' : ` from ${target.localAddress}`;
  return Object.assign(new Error(`connect ${code} ${place}${from}`), {
    code,
    errno: status,
    syscall: 'connect',
  });
}

/** The same, always on a public socket. */
export function connectPublic(target: ConnectTarget, owner: ConnectOwner): Connecting {
  const socket = connect({ ...target, allowHalfOpen: true, noDelay: true });
  let done = false;
  const failed = (error: Error): void => {
    if (!done) owner.onNotConnected(error);
    done = true;
  };
  socket.once('error', failed);
  socket.once('connect', () => {
    socket.off('error', failed);
    if (done) return;
    done = true;
    owner.onConnected(new StreamSocket(socket, owner));
  });
  return {
    cancel() {
      done = true;
      socket.destroy();
    },
  };
}
