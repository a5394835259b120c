// Writes the head that a peer gets: the location's own fields, then the client's in their order and spelling, without what
// belongs to one connection only (RFC 9110 §7.6.1). Compiled once per location.
import type { BodyFraming } from '../back/back.ts';
import type { Exchange } from '../exchange/exchange.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  HOST,
  KEEP_ALIVE,
  NEVER_PASSED,
  ONCE,
  OTHER,
  PROXY_CONNECTION,
  sameName,
  TE,
  TRAILER,
  TRANSFER_ENCODING,
  UNUSUAL_NAME,
  UPGRADE,
} from '../http/fields.ts';
import { isNamedBy } from '../http/framing.ts';
import type { RequestHead } from '../http/request-head.ts';
import { ownText } from '../shared/buffers.ts';

export interface RequestHeadOptions {
  /** `[name, value]` of proxy_set_header; an empty value sends no such field. */
  readonly set: readonly (readonly [name: string, value: (exchange: Exchange) => string])[];
  readonly method: ((exchange: Exchange) => string) | null;
  /** What a request to switch protocols asks for; null = WebSocket. */
  readonly upgrade?: ((exchange: Exchange) => string) | null;
  /** The request target for the peer. */
  readonly target: (exchange: Exchange) => string;
  /** False: of the client's own fields none goes on. */
  readonly passFields: boolean;
  readonly http10: boolean;
  readonly keepalive: boolean;
  /** Whether the peer is asked to close behind its answer; null = by `keepalive` alone. */
  readonly closes?: ((exchange: Exchange) => boolean) | null;
}

/** True for fields that are never copied, by their id. */
const DROPPED = new Uint8Array(16);
for (const id of [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT, UPGRADE, TE, KEEP_ALIVE])
  DROPPED[id] = 1;
for (const id of [PROXY_CONNECTION, NEVER_PASSED, UNUSUAL_NAME, TRAILER]) DROPPED[id] = 1;

/** Framing and connection fields are the codec's own, whatever proxy_set_header says of them. */
const OURS: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'expect',
  'te',
  'trailer',
]);

const CLOSE = 'Connection: close\r\n';

/** Makes the writer of one location's heads. */
export function compileRequestHead(options: RequestHeadOptions) {
  const own = options.set.filter(([name]) => !OURS.has(name.toLowerCase()));
  // Of the framing this much is the configuration's: it may keep quiet about an empty body.
  const tellsEmpty = options.set.every(([name]) => name.toLowerCase() !== 'content-length');
  const replaced = new NameSet(own.map(([name]) => name.toLowerCase()));
  const set = own.map(([name, value]) => new SetField(name, value));
  const version = options.http10 ? ' HTTP/1.0\r\n' : ' HTTP/1.1\r\n';
  const protocol = options.upgrade ?? webSocket;
  const persistence = options.http10 || !options.keepalive ? CLOSE : '';
  const closes = persistence === CLOSE ? null : (options.closes ?? null);

  return (exchange: Exchange, framing: BodyFraming, upgrade: boolean): string => {
    const request = exchange.request;
    const method = options.method === null ? exchange.method : methodOf(options.method(exchange), exchange);
    let text = `${method} ${options.target(exchange)}${version}`;
    for (let i = 0; i < set.length; i++) text += set[i].line(exchange);
    if (upgrade) text += `Upgrade: ${fieldValue(protocol(exchange))}\r\nConnection: upgrade\r\n`;
    else text += closes?.(exchange) === true ? CLOSE : persistence;
    if (framing.kind === 'length' && (framing.bytes > 0 || tellsEmpty))
      text += `Content-Length: ${framing.bytes}\r\n`;
    else if (framing.kind === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
    return options.passFields ? `${text}${copiedFields(request, replaced)}\r\n` : `${text}\r\n`;
  };
}

const webSocket = (): string => 'websocket';

const MANY_OTHERS = 8;

/** A field of proxy_set_header. Hosts, schemes and addresses mostly are those of the request before: so is the line. */
class SetField {
  readonly #name: string;
  readonly #value: (exchange: Exchange) => string;
  #lastValue = '';
  #lastLine = '';
  /** Values in a row that were not the kept one. */
  #others = 0;

  constructor(name: string, value: (exchange: Exchange) => string) {
    this.#name = name;
    this.#value = value;
  }

  line(exchange: Exchange): string {
    const value = this.#value(exchange);
    if (value === this.#lastValue) {
      this.#others = 0;
      return this.#lastLine;
    }
    const line = value === '' ? '' : `${this.#name}: ${fieldValue(value)}\r\n`;
    // What changes with each request (an id, a cookie) is not worth keeping.
    if (++this.#others > MANY_OTHERS) return line;
    // A slice would keep the whole head that it was cut from.
    this.#lastValue = ownText(value);
    this.#lastLine = ownText(line);
    return this.#lastLine;
  }
}

/** A template may give anything: what is no token would not be the method only. */
function methodOf(value: string, exchange: Exchange): string {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value) ? value : exchange.method;
}

/** A head that is kept keeps what goes on of it, by the rules that asked last. */
function copiedFields(request: RequestHead, replaced: NameSet): string {
  const { known } = request;
  if (known === null) return copyFields(request, replaced);
  if (known.copiedFor !== replaced) {
    known.copied = copyFields(known, replaced);
    known.copiedFor = replaced;
  }
  return known.copied;
}

/** Lines that need no change are copied as one stretch; the rest is written anew or left out. */
function copyFields(request: RequestHead, replaced: NameSet): string {
  const { at, ids, text, connectionNames } = request;
  let out = '';
  let runStart = -1;
  for (let i = 0; i < request.count; i++) {
    const id = ids[i];
    const nameStart = at[4 * i];
    const passes =
      DROPPED[id] === 0 &&
      !((id === OTHER || id === HOST || id === ONCE) && replaced.has(text, nameStart, at[4 * i + 1])) &&
      (connectionNames === null || !isNamedBy(connectionNames, request, i));
    if (passes && request.isCanonical(i)) {
      if (runStart < 0) runStart = nameStart;
      continue;
    }
    if (runStart >= 0) out += text.slice(runStart, nameStart);
    runStart = -1;
    if (passes) out += `${request.name(i)}: ${request.value(i)}\r\n`;
  }
  return runStart < 0 ? out : out + text.slice(runStart, at[4 * request.count]);
}

/** A template may hold anything the client sent; a value never ends a line early (response splitting and its mirror). */
function fieldValue(value: string): string {
  return UNSAFE.test(value) ? value.replace(ALL_UNSAFE, ' ') : value;
}
const UNSAFE = /[\r\n\0]/;
const ALL_UNSAFE = /[\r\n\0]/g;

/** A set of lower-case names that is asked without cutting a string out of the head. */
export class NameSet {
  readonly #byLength: (readonly string[] | undefined)[] = [];

  constructor(names: readonly string[]) {
    for (const name of names) {
      this.#byLength[name.length] = [...(this.#byLength[name.length] ?? []), name];
    }
  }

  has(text: string, start: number, end: number): boolean {
    const candidates = this.#byLength[end - start];
    if (candidates === undefined) return false;
    for (let i = 0; i < candidates.length; i++) {
      if (sameName(text, start, candidates[i])) return true;
    }
    return false;
  }
}
