// Is what variables gave an address at all? Where not, nothing is asked, and the answer is 500, as in nginx.
import { isIPv6 } from 'node:net';
import { toText } from '../route/template.ts';
import type { UpstreamSet } from '../upstream/upstream-set.ts';

const IPV6 = /^\[([^\]]*)\](?::(.*))?$/s;
const HOST = /^[^:]+(?::(.*))?$/s;

/** host, host:port, [IPv6], [IPv6]:port or unix:path (ngx_parse_url); a host need not resolve. */
export function isAddress(text: string): boolean {
  if (text.startsWith('unix:')) return text.length > 'unix:'.length;
  const isBracketed = text.startsWith('[');
  const parts = (isBracketed ? IPV6 : HOST).exec(text);
  if (parts === null || (isBracketed && !isIPv6(parts[1]))) return false;
  const port = isBracketed ? parts[2] : parts[1];
  return port === undefined || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535);
}

const USUAL = /^[A-Za-z0-9._[\]:%-]+$/;

/** Bytes of an address as the text that groups, sockets and hosts are named by; undefined for what can be none of these. */
export function nameOfAddress(given: string, upstreams: UpstreamSet): string | undefined {
  if (USUAL.test(given)) return given;
  const name = toText(given);
  return /^unix:[^\0-\x20]+$/.test(name) || upstreams.knows(name) ? name : undefined;
}
