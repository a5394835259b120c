// What of a request goes to a peer: the head as it would be sent, and what became of each of the client's fields.

import { formatPosition } from '../config/problem.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Family } from '../forward/family/rows.ts';
import { NEVER_PASSED, UNUSUAL_NAME } from '../http/fields.ts';
import { isNamedBy } from '../http/framing.ts';
import { toBytes } from '../route/template.ts';
import type { SetAt } from './set-at.ts';
import { shown } from './trail.ts';

export interface SentField {
  readonly line: string;
  /** `client`, `lbproxy`, or the place that sets it. */
  readonly from: string;
}

export interface DroppedField {
  readonly name: string;
  readonly value: string;
  readonly why: string;
  readonly at: string;
}

export interface SentHead {
  /** The request line; '' for protocols that have none. */
  readonly first: string;
  readonly fields: readonly SentField[];
  readonly dropped: readonly DroppedField[];
}

const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);
const OF_ONE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);

/** What the directives of a location say of single fields, by lower-case name. */
type OwnFields = ReadonlyMap<string, { readonly value: string; readonly at: string }>;

export function explainSent(
  x: Exchange,
  head: string,
  family: Family,
  { level, setAt }: { readonly level: string; readonly setAt: SetAt },
): SentHead {
  const key = family === 'proxy' ? 'proxySetHeader' : (`${family}Param` as const);
  const own: OwnFields = new Map(
    setAt
      .all(level, key)
      .map(({ args, at }) => [
        toBytes(args[0]?.text ?? '').toLowerCase(),
        { value: args[1]?.text ?? '', at: formatPosition(at) },
      ]),
  );
  const all = head.split('\r\n').filter((line) => line !== '');
  const lines = family === 'proxy' ? all.slice(1) : all;
  const sent = new Set(lines.map((line) => line.toLowerCase()));
  return {
    first: family === 'proxy' ? shown(all[0] ?? '') : '',
    fields: lines.map((line) => ({ line: shown(line), from: fromOf(x, line, own) })),
    dropped: family === 'proxy' ? droppedOf(x, sent, own, setAt.place(level, 'proxyPassRequestHeaders')) : [],
  };
}

function fromOf({ request }: Exchange, line: string, own: OwnFields): string {
  const name = line.slice(0, line.indexOf(':')).toLowerCase();
  const setter = own.get(name);
  if (OF_ONE_CONNECTION.has(name)) return 'lbproxy';
  if (setter !== undefined) return setter.at;
  for (let i = 0; i < request.count; i++)
    if (`${request.name(i)}: ${request.value(i)}` === line) return FRAMING.has(name) ? 'lbproxy' : 'client';
  return name.startsWith('http_') ? 'client' : 'lbproxy';
}

function droppedOf(x: Exchange, sent: ReadonlySet<string>, own: OwnFields, passAt: string): DroppedField[] {
  const { request } = x;
  const dropped: DroppedField[] = [];
  for (let i = 0; i < request.count; i++) {
    const name = request.name(i);
    const value = request.value(i);
    if (sent.has(`${name}: ${value}`.toLowerCase())) continue;
    dropped.push({ name: shown(name), value: shown(value), ...whyDropped(x, i, own, passAt) });
  }
  return dropped;
}

function whyDropped(
  { request }: Exchange,
  i: number,
  own: OwnFields,
  passAt: string,
): { readonly why: string; readonly at: string } {
  const name = request.name(i).toLowerCase();
  const id = request.ids[i];
  const setter = own.get(name);
  if (FRAMING.has(name)) return { why: 'the body is framed anew', at: '' };
  if (OF_ONE_CONNECTION.has(name)) return { why: 'belongs to one connection only', at: '' };
  if (id === NEVER_PASSED) return { why: 'never passed on: apps have taken it for something else', at: '' };
  if (id === UNUSUAL_NAME)
    return { why: 'an unusual name (underscores_in_headers, ignore_invalid_headers)', at: '' };
  if (setter !== undefined)
    return setter.value === ''
      ? { why: 'set to nothing here', at: setter.at }
      : { why: 'replaced', at: setter.at };
  if (name === 'host') return { why: 'replaced by the name of the group ($proxy_host)', at: 'default' };
  if (request.connectionNames !== null && isNamedBy(request.connectionNames, request, i))
    return { why: 'Connection names it: it belongs to one connection only', at: '' };
  if (passAt !== '') return { why: 'proxy_pass_request_headers off', at: passAt };
  return { why: 'replaced by what a configuration in JSON sends by itself', at: 'default' };
}
