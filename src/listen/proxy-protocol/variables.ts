// What the PROXY protocol told of a connection: $proxy_protocol_addr and its like.
import type { Exchange } from '../../exchange/exchange.ts';
import { type ProxyHead, tlvOf } from '../../http/proxy-protocol.ts';
import type { Getter, VariableTable } from '../../route/template.ts';

const told =
  (value: (head: ProxyHead) => string | undefined): Getter =>
  ({ client }: Exchange) =>
    client.proxyProtocol === null ? undefined : value(client.proxyProtocol);

const portText = (port: number): string => (port > 0 ? String(port) : '');

const TYPES: Readonly<Record<string, number>> = {
  alpn: 0x01,
  authority: 0x02,
  unique_id: 0x05,
  ssl: 0x20,
  netns: 0x30,
};
const SSL_TYPES: Readonly<Record<string, number>> = {
  version: 0x21,
  cn: 0x22,
  cipher: 0x23,
  sig_alg: 0x24,
  key_alg: 0x25,
};
const SSL = 0x20;
/** One byte of flags, four that say what came of the client's certificate. */
const SSL_HEAD_BYTES = 5;

function tlv(name: string): Getter {
  if (!name.startsWith('ssl_')) {
    const type = typeOf(name, TYPES);
    return told(({ tlvs }) => (type === undefined ? undefined : tlvOf(tlvs, type)));
  }
  const rest = name.slice(4);
  const type = typeOf(rest, SSL_TYPES);
  return told(({ tlvs }) => {
    const ssl = tlvOf(tlvs, SSL);
    if (ssl === undefined || ssl.length < SSL_HEAD_BYTES) return undefined;
    if (rest === 'verify') return String(Buffer.from(ssl.slice(1, SSL_HEAD_BYTES), 'latin1').readUInt32BE(0));
    return type === undefined ? undefined : tlvOf(ssl.slice(SSL_HEAD_BYTES), type);
  });
}

/** By its name, or `0x` and the number. */
function typeOf(name: string, names: Readonly<Record<string, number>>): number | undefined {
  if (/^0x[0-9a-f]+$/.test(name)) return Number(name);
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

export const proxyProtocolVariables: VariableTable = {
  plain: {
    proxy_protocol_addr: told((head) => head.sourceAddress),
    proxy_protocol_port: told((head) => portText(head.sourcePort)),
    proxy_protocol_server_addr: told((head) => head.destinationAddress),
    proxy_protocol_server_port: told((head) => portText(head.destinationPort)),
  },
  families: { proxy_protocol_tlv_: tlv },
};
