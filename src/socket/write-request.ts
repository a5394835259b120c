// What Node's handles want with every write. Most writes are taken at once: nobody is told then, and their request serves the next one.
import type { HandleRequest, Handles } from './node-handles.ts';
import { giveBack } from './out-buffer.ts';

/** Who is told what became of a write that had to wait. */
export interface Writer {
  onWritten(bytes: number, status: number): void;
}

export interface WriteRequest extends HandleRequest {
  socket: Writer | null;
  bytes: number;
  /** Keeps the bytes of a write under way alive. */
  kept: Buffer | null;
  /** The out-buffer that the write took along. */
  store: Buffer | null;
  /** How it came out when that was known before the call that asked for it returned (TLS on a dead connection). */
  early: number | null;
  /** Which write it is for, where requests are taken again before anybody was told of their end. */
  mark: number;
}

export function onWritten(this: WriteRequest, status: number): void {
  const { socket, store } = this;
  this.kept = null;
  this.store = null;
  if (store !== null) giveBack(store);
  if (socket === null) this.early = status;
  else socket.onWritten(this.bytes, status);
}

function newRequest(handles: Handles): WriteRequest {
  const req = new handles.stream.WriteWrap() as WriteRequest;
  req.oncomplete = onWritten;
  req.socket = null;
  req.bytes = 0;
  req.kept = null;
  req.store = null;
  req.early = null;
  req.mark = 0;
  return req;
}

let spare: WriteRequest | null = null;

export function takeRequest(handles: Handles): WriteRequest {
  const req = spare ?? newRequest(handles);
  spare = null;
  return req;
}

/** Of a write that was taken at once. */
export function giveRequestBack(req: WriteRequest): void {
  spare = req;
}

/** As many writes may be under way before another request is made. */
const RESTING = 64;
const LAST_MARK = 0x3fff_ffff;
const resting: WriteRequest[] = [];
let next = 0;
let lastMark = 0;

/**
 * For handles that say of each write that it is under way and report its end in the same turn of the loop (TLS): with a new `mark`, and
 * nobody is told of its end unless `oncomplete` is set.
 */
export function takeMarkedRequest(handles: Handles): WriteRequest {
  let req = resting[next];
  if (req === undefined || isUnderWay(req)) {
    req = newRequest(handles);
    resting[next] = req;
  }
  next = (next + 1) % RESTING;
  lastMark = lastMark === LAST_MARK ? 1 : lastMark + 1;
  req.mark = lastMark;
  req.oncomplete = null;
  req.socket = null;
  return req;
}

/** No operation has this number. */
const NO_ASYNC_ID = -1;

/** Whether a handle has it. */
export function isUnderWay(req: WriteRequest): boolean {
  return req.getAsyncId() !== NO_ASYNC_ID;
}
