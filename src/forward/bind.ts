// proxy_bind and its kin: connections to peers come from this address. It is part of the transport's key, so those of other addresses
// never mix.
import type { Exchange } from '../exchange/exchange.ts';
import { compileTemplate, constantOf } from '../route/template.ts';
import { type LocalAddress, readLocal } from '../shared/local-address.ts';
import { connectSocket } from '../socket/connect-socket.ts';
import type { Transport } from '../upstream/transport.ts';
import type { ForwardTools } from './forward-tools.ts';

type TransportOf = (x: Exchange) => Transport | null;

/** `template` is that of the address, '' = any; `inner` what carries connections otherwise. */
export function bound(
  template: string,
  inner: TransportOf | null,
  { lookup, log }: ForwardTools,
): TransportOf | null {
  if (template === '') return inner;
  const of: TransportOf = inner ?? (() => null);
  const constant = constantOf(template);
  const local = constant === undefined ? null : readLocal(constant);
  if (local !== null) return (x) => from(local, of(x));
  const address = compileTemplate(template, lookup);
  return (x) => {
    const text = address(x);
    if (text === '') return of(x);
    const given = readLocal(text);
    if (given === null) log.note(x, 'error', `invalid local address "${text}"`);
    return given === null ? of(x) : from(given, of(x));
  };
}

function from(local: LocalAddress, inner: Transport | null): Transport {
  return {
    key: `from ${local.localAddress} ${local.localPort} ${inner?.key ?? ''}`,
    connect: (target, owner) =>
      inner === null
        ? connectSocket({ ...target, ...local }, owner)
        : inner.connect({ ...target, ...local }, owner),
  };
}
