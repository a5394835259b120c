// Makes the client's field lines of a peer's answer: hop-by-hop and hidden fields left out, Location put right, the rest as it came.
import type { Exchange } from '../exchange/exchange.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  KEEP_ALIVE,
  NEVER_PASSED,
  PROXY_CONNECTION,
  sameName,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from '../http/fields.ts';
import { isNamedBy } from '../http/framing.ts';
import type { ResponseHead } from '../http/response-head.ts';
import type { RewriteCookie } from './cookies.ts';
import type { Family } from './family/rows.ts';
import { NameSet } from './request-head.ts';

/** One pair of proxy_redirect, compiled: the new value, or undefined when it does not apply. */
export type RedirectRule = (exchange: Exchange, value: string) => string | undefined;

/** What a family hides of a peer's answer. */
export interface Hiding {
  /** Lower-case names that are hidden unless they are passed. */
  readonly hidden: readonly string[];
  /** Lower-case names of proxy_hide_header or its kin. */
  readonly hide: readonly string[];
  /** Lower-case names of proxy_pass_header or its kin. */
  readonly pass: readonly string[];
}

export interface ResponseHeadOptions extends Hiding {
  readonly redirects: readonly RedirectRule[];
  /** What a Set-Cookie becomes; null = it stays. */
  readonly cookie: RewriteCookie | null;
  /** What a Location becomes that a rule has changed. */
  readonly absolute: (exchange: Exchange, location: string) => string;
}

/** What nginx hides of every family. */
const HIDDEN: readonly string[] = [
  'x-accel-expires',
  'x-accel-redirect',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
];

const HIDDEN_OF: Readonly<Record<Family, readonly string[]>> = {
  proxy: ['date', 'server', 'x-pad', ...HIDDEN],
  fastcgi: ['status', ...HIDDEN],
  uwsgi: HIDDEN,
  scgi: ['status', ...HIDDEN],
};

/** Where ranges are made here, the peer's word on them is not the client's. */
export function hiddenOf(family: Family, forcesRanges: boolean): readonly string[] {
  const hidden = HIDDEN_OF[family];
  return forcesRanges ? [...hidden, 'accept-ranges'] : hidden;
}

const DROPPED = new Uint8Array(16);
for (const id of [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE, TE, KEEP_ALIVE]) DROPPED[id] = 1;
for (const id of [PROXY_CONNECTION, NEVER_PASSED]) DROPPED[id] = 1;

export function compileResponseHead(options: ResponseHeadOptions) {
  const names = hiddenNames(options);
  const hidden = new NameSet(names);
  const ownServer = !names.includes('server');
  const ownDate = !names.includes('date');
  // One that is hidden does not take the place of that which an earlier answer has left.
  const ownType = !names.includes('content-type');

  /** A head that is kept keeps what goes on of it, by the rules that asked last, unless that depends on the exchange. */
  const copied = (exchange: Exchange, head: ResponseHead): string => {
    const { known } = head;
    if (known === null) return copyLines(exchange, head, hidden, options);
    if (known.copiedFor !== hidden) {
      if (mayMove(known, options)) return copyLines(exchange, known, hidden, options);
      known.copied = copyLines(exchange, known, hidden, options);
      known.copiedFor = hidden;
    }
    return known.copied;
  };

  return (exchange: Exchange, head: ResponseHead): void => {
    exchange.lines = copied(exchange, head);
    if (ownType && exchange.carried !== null && head.find('content-type') >= 0) exchange.dropCarriedType();
    exchange.status = head.status;
    exchange.reason = head.reason;
    exchange.peerHead = head.text;
    exchange.ownServer = ownServer && head.find('server') >= 0;
    exchange.ownDate = ownDate && head.find('date') >= 0;
  };
}

function hiddenNames({ hidden, hide, pass }: Hiding): readonly string[] {
  return [...hidden.filter((name) => !pass.includes(name)), ...hide];
}

/** What goes on of trailer lines: all but those whose fields are hidden. */
export function compileTrailers(hiding: Hiding): (lines: string) => string {
  const hidden = new Set(hiddenNames(hiding));
  const passes = (line: string): boolean => !hidden.has(line.slice(0, line.indexOf(':')).toLowerCase());
  return (lines) =>
    lines
      .split(/(?<=\n)/)
      .filter(passes)
      .join('');
}

/** Lines that need no change are copied as one stretch. */
function copyLines(
  exchange: Exchange,
  head: ResponseHead,
  hidden: NameSet,
  options: ResponseHeadOptions,
): string {
  const { at, text } = head;
  const changes = options.redirects.length > 0 || options.cookie !== null;
  let out = '';
  let runStart = -1;
  /** Fields that stand once: of several the first one holds. */
  let seen = 0;
  for (let i = 0; i < head.count; i++) {
    const nameStart = at[4 * i];
    const single = singleField(text, nameStart, at[4 * i + 1]);
    const passes = (seen & single) === 0 && passesOn(head, i, hidden);
    seen |= single;
    const moved = passes && changes ? redirected(exchange, head, i, options) : undefined;
    if (passes && moved === undefined && head.isCanonical(i)) {
      if (runStart < 0) runStart = nameStart;
      continue;
    }
    if (runStart >= 0) out += text.slice(runStart, nameStart);
    runStart = -1;
    if (passes) out += `${head.name(i)}: ${moved ?? head.value(i)}\r\n`;
  }
  return runStart < 0 ? out : out + text.slice(runStart, at[4 * head.count]);
}

/** Of these a peer's answer has one each, as nginx takes it. */
const SINGLE: readonly string[] = [
  'date',
  'etag',
  'server',
  'expires',
  'refresh',
  'location',
  'content-type',
  'last-modified',
];
/** Their numbers in SINGLE, by the names' length. */
const SINGLE_BY_LENGTH: (number[] | undefined)[] = [];
for (const [i, { length }] of SINGLE.entries()) {
  SINGLE_BY_LENGTH[length] ??= [];
  SINGLE_BY_LENGTH[length].push(i);
}

/** The bit of a field that stands once; 0 for others. */
function singleField(text: string, start: number, end: number): number {
  const candidates = SINGLE_BY_LENGTH[end - start];
  if (candidates === undefined) return 0;
  for (let k = 0; k < candidates.length; k++)
    if (sameName(text, start, SINGLE[candidates[k]])) return 1 << candidates[k];
  return 0;
}

function passesOn(head: ResponseHead, i: number, hidden: NameSet): boolean {
  const { at, ids, text, connectionNames } = head;
  // A 101 says by its Upgrade what the connection becomes: that concerns the client.
  if (ids[i] === UPGRADE && head.status === 101) return true;
  return (
    // A 426 says by its Upgrade what to change to (RFC 9110 §15.5.22); nothing is upgraded by that.
    (DROPPED[ids[i]] === 0 || (head.status === 426 && ids[i] === UPGRADE)) &&
    !hidden.has(text, at[4 * i], at[4 * i + 1]) &&
    (connectionNames === null || !isNamedBy(connectionNames, head, i))
  );
}

/** Whether it has a field that `redirected` may change. */
function mayMove(head: ResponseHead, { redirects, cookie }: ResponseHeadOptions): boolean {
  return (
    (cookie !== null && head.find('set-cookie') >= 0) ||
    (redirects.length > 0 && (head.find('location') >= 0 || head.find('refresh') >= 0))
  );
}

/** The new value of a Location or Refresh field that a proxy_redirect pair matches, and of a Set-Cookie. */
function redirected(
  exchange: Exchange,
  head: ResponseHead,
  i: number,
  { redirects, absolute, cookie }: ResponseHeadOptions,
): string | undefined {
  const start = head.at[4 * i];
  const length = head.at[4 * i + 1] - start;
  if (cookie !== null && length === 10 && sameName(head.text, start, 'set-cookie'))
    return cookie(exchange, head.value(i));
  if (length === 8 && sameName(head.text, start, 'location')) {
    const moved = apply(exchange, head.value(i), redirects);
    return moved === undefined ? undefined : absolute(exchange, moved);
  }
  if (length !== 7 || !sameName(head.text, start, 'refresh')) return undefined;
  const m = /^(.*?url=)(.*)$/i.exec(head.value(i));
  if (m === null) return undefined;
  const url = apply(exchange, m[2], redirects);
  return url === undefined ? undefined : m[1] + url;
}

function apply(exchange: Exchange, value: string, rules: readonly RedirectRule[]): string | undefined {
  for (const rule of rules) {
    const moved = rule(exchange, value);
    if (moved !== undefined) return moved.replace(/[\r\n\0]/g, '');
  }
  return undefined;
}
