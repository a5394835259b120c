// Rows of realip (ngx_http_realip_module): the client's address as a proxy in front of us tells it.
import { isIPv4, isIPv6 } from 'node:net';
import { flag, HTTP_LEVELS, list, type ReadContext, type Row, setting } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount } from '../../config/units.ts';

/** Whom is believed. */
export interface TrustedProxy {
  /** 'unix:', the address of a network as text, or the name of a host. */
  readonly who: string;
  /** How many bits of the address count; -1: it is a name. */
  readonly bits: number;
  /** `file:line:column`. */
  readonly at: string;
}

declare module '../../config/model.ts' {
  interface Settings {
    readonly setRealIpFrom: readonly TrustedProxy[];
    /** Lower-case name of a field, or `proxy_protocol`. */
    readonly realIpHeader: string;
    readonly realIpRecursive: boolean;
  }
}

export const realipDefaults = {
  setRealIpFrom: [],
  realIpHeader: 'x-real-ip',
  realIpRecursive: false,
} as const;

export const realipRows: readonly Row[] = [
  list('setRealIpFrom', {
    name: 'set_real_ip_from',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'address | CIDR | unix: | hostname',
    doc: 'Proxies that are believed when they say in real_ip_header who the client is. A level that has any inherits none.',
    read: readProxy,
  }),
  setting('realIpHeader', {
    name: 'real_ip_header',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'field | X-Real-IP | X-Forwarded-For | proxy_protocol',
    default: 'X-Real-IP',
    doc: "Where the client's address stands. It then holds for access rules, limits, logs, hashes and X-Forwarded-For; $realip_remote_addr has the connection's own.",
    read: ([{ text }]) => text.toLowerCase(),
  }),
  flag('realIpRecursive', {
    name: 'real_ip_recursive',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether of several addresses the last one that is no trusted proxy counts, instead of the last one.',
  }),
];

/** No name ends with a number. */
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/;

function readProxy([word]: readonly Word[], cx: ReadContext): TrustedProxy | undefined {
  const { text } = word;
  const at = `${word.at.file}:${word.at.line}:${word.at.column}`;
  if (text === 'unix:') return { who: text, bits: 0, at };
  const [, address, suffix] = /^([^/]*)(?:\/(.*))?$/s.exec(text) ?? ['', ''];
  const most = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : 0;
  if (most === 0 && suffix === undefined && HOST_NAME.test(text) && !/(?:^|\.)\d+$/.test(text))
    return { who: text, bits: -1, at };
  const bits = suffix === undefined ? most : parseCount(suffix, 0, most);
  if (most > 0 && bits !== undefined) return { who: address, bits, at };
  return cx.problems.error(
    word.at,
    `"set_real_ip_from": invalid parameter "${text}"; write an address, a network such as 10.0.0.0/8, unix: or a host name`,
  );
}
