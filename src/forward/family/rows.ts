// The rows that every family of peers has (proxy_, fastcgi_, uwsgi_, scgi_), made once: a family's keys are its name and theirs.
import {
  count,
  flag,
  HTTP_LEVELS,
  ignored,
  list,
  type Row,
  type SettingRow,
  setting,
  time,
} from '../../config/row.ts';
import { readLocal } from '../../shared/local-address.ts';
import { BUFFERING_DEFAULTS, type BufferingKeys, bufferingRows } from '../buffering/rows.ts';
import { CACHE_DEFAULTS, type CacheKeys, cacheRows } from '../cache/rows.ts';
import { NEXT_WORDS, type NextWord } from '../next-upstream.ts';

/** Whose directives begin with `proxy_`, `fastcgi_` … */
export type Family = 'proxy' | 'fastcgi' | 'uwsgi' | 'scgi';
export const FAMILIES: readonly Family[] = ['proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** What each family has, without its name. */
export interface FamilyKeys extends BufferingKeys, CacheKeys {
  /** Lower-case names. */
  readonly PassHeader: readonly string[];
  readonly HideHeader: readonly string[];
  readonly ConnectTimeoutMs: number;
  readonly SendTimeoutMs: number;
  readonly ReadTimeoutMs: number;
  readonly NextUpstream: readonly NextWord[];
  readonly NextUpstreamTries: number;
  readonly NextUpstreamTimeoutMs: number;
  readonly RequestBuffering: boolean;
  readonly PassRequestBody: boolean;
  readonly PassRequestHeaders: boolean;
  readonly IgnoreClientAbort: boolean;
  readonly InterceptErrors: boolean;
  /** Template of the address that connections come from; '' = any. */
  readonly Bind: string;
}

/** The settings of one family: `proxyReadTimeoutMs`. */
export type FamilySettings<F extends Family> = {
  readonly [K in keyof FamilyKeys as `${F}${K}`]: FamilyKeys[K];
};

declare module '../../config/model.ts' {
  interface Settings
    extends FamilySettings<'proxy'>,
      FamilySettings<'fastcgi'>,
      FamilySettings<'uwsgi'>,
      FamilySettings<'scgi'> {}
}

const DEFAULTS: FamilyKeys = {
  PassHeader: [],
  HideHeader: [],
  ConnectTimeoutMs: 60_000,
  SendTimeoutMs: 60_000,
  ReadTimeoutMs: 60_000,
  NextUpstream: ['error', 'timeout'],
  NextUpstreamTries: 0,
  NextUpstreamTimeoutMs: 0,
  RequestBuffering: true,
  PassRequestBody: true,
  PassRequestHeaders: true,
  IgnoreClientAbort: false,
  InterceptErrors: false,
  Bind: '',
  ...BUFFERING_DEFAULTS,
  ...CACHE_DEFAULTS,
};

export function familyDefaults<F extends Family>(family: F): FamilySettings<F> {
  const entries = Object.entries(DEFAULTS).map(([key, value]) => [`${family}${key}`, value]);
  return Object.fromEntries(entries) as FamilySettings<F>;
}

/** The settings of one family, without its name. */
export function familyOf(settings: FamilySettings<Family>, family: Family): FamilyKeys {
  const entries = Object.keys(DEFAULTS).map((key) => [key, settings[`${family}${key as keyof FamilyKeys}`]]);
  return Object.fromEntries(entries) as FamilyKeys;
}

/** What only some families have of a row's meaning. */
interface Particulars {
  readonly nextWords: readonly NextWord[];
  /** Fields that are hidden by default. */
  readonly hidden: string;
  readonly whileSending: string;
  readonly whileReading: string;
  readonly asItComes: string;
  readonly withoutBody: string;
  /** The directive that sets some. */
  readonly ownFields: string;
}

const OF_APPS: Particulars = {
  nextWords: NEXT_WORDS.filter((word) => word !== 'http_502' && word !== 'http_504'),
  hidden: 'X-Accel-Expires',
  whileSending: '',
  whileReading: '',
  asItComes: '; a chunked one is read whole all the same',
  withoutBody: '',
  ownFields: 'param',
};

const PARTICULARS: Readonly<Record<Family, Particulars>> = {
  proxy: {
    nextWords: NEXT_WORDS,
    hidden: 'Server or Date',
    whileSending: ', also within a WebSocket',
    whileReading: '; also the idle time of a WebSocket',
    asItComes: '',
    withoutBody: '; without it the head goes without a length',
    ownFields: 'set_header',
  },
  fastcgi: { ...OF_APPS, asItComes: '; of a chunked one there is no CONTENT_LENGTH then' },
  uwsgi: OF_APPS,
  scgi: OF_APPS,
};

export function familyRows(family: Family): readonly Row[] {
  return [
    ...fieldRows(family),
    ...timeRows(family),
    ...nextRows(family),
    ...bodyRows(family),
    ...bufferingRows(family),
    ...cacheRows(family),
    bindRow(family),
    ignored(
      `${family}_socket_keepalive`,
      HTTP_LEVELS,
      'a peer that is gone is noticed by the time-outs of reading and sending',
      {
        args: [1, 1],
      },
    ),
    ...['rcvbuf', 'sndbuf'].map((name) =>
      ignored(
        `${family}_socket_${name}`,
        HTTP_LEVELS,
        'Node has no such call; the system sizes the buffers of sockets',
        {
          args: [1, 1],
        },
      ),
    ),
  ];
}

function bindRow(family: Family): Row {
  return setting(`${family}Bind`, {
    name: `${family}_bind`,
    contexts: HTTP_LEVELS,
    args: [1, 2],
    syntax: 'address[:port] | off',
    doc: 'The address of this machine that connections to peers come from; variables are possible.',
    read: ([address, option], cx) => {
      if (option !== undefined) {
        const what =
          option.text === 'transparent'
            ? 'transparent needs a socket option that Node does not offer (IP_TRANSPARENT)'
            : `invalid parameter "${option.text}"`;
        return cx.problems.error(option.at, `${what}; write ${family}_bind with an address of this machine`);
      }
      if (address.text === 'off') return '';
      if (!address.text.includes('$') && readLocal(address.text) === null)
        return cx.problems.error(address.at, `invalid address "${address.text}"; write an IP address`);
      return cx.template(address);
    },
  });
}

function fieldRows(family: Family): readonly Row[] {
  const common = { contexts: HTTP_LEVELS, args: [1, 1], syntax: 'field' } as const;
  return [
    list(`${family}PassHeader`, {
      ...common,
      name: `${family}_pass_header`,
      doc: `Passes a field of the peer’s answer that is hidden by default, such as ${PARTICULARS[family].hidden}.`,
      read: (words) => words[0].text.toLowerCase(),
    }),
    list(`${family}HideHeader`, {
      ...common,
      name: `${family}_hide_header`,
      doc: 'Keeps a field of the peer’s answer from the client.',
      read: (words) => words[0].text.toLowerCase(),
    }),
  ];
}

function timeRows(family: Family): readonly Row[] {
  const { whileSending, whileReading } = PARTICULARS[family];
  return [
    time(`${family}ConnectTimeoutMs`, {
      name: `${family}_connect_timeout`,
      contexts: HTTP_LEVELS,
      default: '60s',
      doc: 'Time for a connection to a peer. 0 = no limit.',
    }),
    time(`${family}SendTimeoutMs`, {
      name: `${family}_send_timeout`,
      contexts: HTTP_LEVELS,
      default: '60s',
      doc: `Time between two writes to a peer that does not read${whileSending}. 0 = no limit.`,
    }),
    time(`${family}ReadTimeoutMs`, {
      name: `${family}_read_timeout`,
      contexts: HTTP_LEVELS,
      default: '60s',
      doc: `Time between two reads from a peer, before and within its answer${whileReading}. 0 = no limit.`,
    }),
  ];
}

function nextRows(family: Family): readonly Row[] {
  return [
    nextUpstream(family),
    count(`${family}NextUpstreamTries`, {
      name: `${family}_next_upstream_tries`,
      contexts: HTTP_LEVELS,
      default: '0',
      doc: 'Most attempts of a request; 0 = one per peer.',
    }),
    time(`${family}NextUpstreamTimeoutMs`, {
      name: `${family}_next_upstream_timeout`,
      contexts: HTTP_LEVELS,
      default: '0',
      doc: 'Time in which a further attempt may begin; 0 = no limit.',
    }),
  ];
}

function nextUpstream(family: Family): SettingRow {
  const known = PARTICULARS[family].nextWords;
  return setting(`${family}NextUpstream`, {
    name: `${family}_next_upstream`,
    contexts: HTTP_LEVELS,
    args: [1, 12],
    syntax: known.join(' | '),
    repeat: 'union',
    default: 'error timeout',
    doc: 'Failures after which a request goes to another peer.',
    read: (words, cx) => {
      const taken = words.map((word) => known.find((one) => one === word.text));
      const bad = taken.indexOf(undefined);
      if (bad < 0) return taken.filter((word) => word !== undefined);
      const what = `unknown condition "${words[bad].text}"; there are ${known.join(', ')}`;
      return cx.problems.error(words[bad].at, what);
    },
  });
}

function bodyRows(family: Family): readonly Row[] {
  const { asItComes, withoutBody, ownFields } = PARTICULARS[family];
  return [
    flag(`${family}RequestBuffering`, {
      name: `${family}_request_buffering`,
      contexts: HTTP_LEVELS,
      default: 'on',
      doc: `Reads the whole body before a peer is asked, so that a slow client costs the peer nothing and the body can go to another one; what does not fit client_body_buffer_size goes to a temporary file. off sends it as it comes${asItComes}.`,
    }),
    flag(`${family}PassRequestBody`, {
      name: `${family}_pass_request_body`,
      contexts: HTTP_LEVELS,
      default: 'on',
      doc: `Whether the peer gets the body${withoutBody}.`,
    }),
    flag(`${family}PassRequestHeaders`, {
      name: `${family}_pass_request_headers`,
      contexts: HTTP_LEVELS,
      default: 'on',
      doc: `Whether the peer gets the client’s fields; those of ${family}_${ownFields} go in any case.`,
    }),
    flag(`${family}IgnoreClientAbort`, {
      name: `${family}_ignore_client_abort`,
      contexts: HTTP_LEVELS,
      default: 'off',
      doc: 'Goes on with the peer when the client closes its side before the answer.',
    }),
    flag(`${family}InterceptErrors`, {
      name: `${family}_intercept_errors`,
      contexts: HTTP_LEVELS,
      default: 'off',
      doc: 'Whether answers of 300 and above go to error_page where it has something for their status.',
    }),
  ];
}
