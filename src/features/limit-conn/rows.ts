// Rows of limit_conn: requests of a key that are under way at once (ngx_http_limit_conn_module).
import { choice, count, flag, HTTP_LEVELS, list, type ReadContext, type Row } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount } from '../../config/units.ts';
import {
  LIMIT_LOG_LEVELS,
  type LimitLogLevel,
  placeOf,
  readZone,
  type ZoneEntry,
} from '../limit-req/rows.ts';

export interface ConnLimitEntry {
  readonly zone: string;
  readonly connections: number;
  readonly at: string;
}

declare module '../../config/model.ts' {
  interface Settings {
    readonly limitConnZones: readonly ZoneEntry[];
    readonly limitConn: readonly ConnLimitEntry[];
    readonly limitConnLogLevel: LimitLogLevel;
    readonly limitConnStatus: number;
    readonly limitConnDryRun: boolean;
  }
}

export const limitConnDefaults = {
  limitConnZones: [],
  limitConn: [],
  limitConnLogLevel: 'error',
  limitConnStatus: 503,
  limitConnDryRun: false,
} as const;

export const limitConnRows: readonly Row[] = [
  list('limitConnZones', {
    name: 'limit_conn_zone',
    contexts: ['http'],
    args: [2, 2],
    syntax: 'key zone=name:size',
    doc: 'A zone that counts the requests under way for each value of the key, exactly over all acceptors.',
    read: readConnZone,
  }),
  list('limitConn', {
    name: 'limit_conn',
    contexts: HTTP_LEVELS,
    args: [2, 2],
    syntax: 'zone number',
    doc: 'Refuses a request while so many of the same key are under way. Several hold together.',
    read: readLimit,
  }),
  choice('limitConnLogLevel', LIMIT_LOG_LEVELS, {
    name: 'limit_conn_log_level',
    contexts: HTTP_LEVELS,
    default: 'error',
    doc: 'How it is logged that a request was refused.',
  }),
  count('limitConnStatus', {
    name: 'limit_conn_status',
    contexts: HTTP_LEVELS,
    min: 400,
    max: 599,
    default: '503',
    doc: 'Status of requests that limit_conn refuses.',
  }),
  flag('limitConnDryRun', {
    name: 'limit_conn_dry_run',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Logs as limit_conn does, but lets all requests pass.',
  }),
];

function readConnZone([key, word]: readonly Word[], cx: ReadContext): ZoneEntry | undefined {
  if (!word.text.startsWith('zone='))
    return cx.problems.error(
      word.at,
      `"limit_conn_zone": invalid parameter "${word.text}"; write zone=name:size`,
    );
  const zone = readZone(word, cx);
  return zone === undefined ? undefined : { ...zone, key: cx.template(key), at: placeOf(cx) };
}

const MAX_CONNECTIONS = 65_535;

function readLimit([zone, number]: readonly Word[], cx: ReadContext): ConnLimitEntry | undefined {
  const connections = parseCount(number.text, 1);
  if (connections === undefined)
    return cx.problems.error(
      number.at,
      `"limit_conn": invalid number of connections "${number.text}"; it is a whole number of at least 1`,
    );
  if (connections > MAX_CONNECTIONS)
    return cx.problems.error(number.at, '"limit_conn": the number of connections must be less than 65536');
  return { zone: zone.text, connections, at: placeOf(cx) };
}
