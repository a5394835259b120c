// Every directive of every room, and every variable: look-up, "did you mean", shapes for the JSON reader.
import { balanceDefaults, balanceRows } from '../balance/rows.ts';
import { bodyDefaults, bodyRows } from '../body/rows.ts';
import { bodyVariables } from '../body/variables.ts';
import { clusterDefaults, clusterRows } from '../cluster/rows.ts';
import { cockpitDefaults, cockpitRows } from '../cockpit/rows.ts';
import { accessDefaults, accessRows } from '../features/access/rows.ts';
import { additionDefaults, additionRows } from '../features/addition/rows.ts';
import { authBasicDefaults, authBasicRows } from '../features/auth-basic/rows.ts';
import { authRequestDefaults, authRequestRows } from '../features/auth-request/rows.ts';
import { autoindexDefaults, autoindexRows } from '../features/autoindex/rows.ts';
import { brotliDefaults, brotliRows } from '../features/brotli/rows.ts';
import { charsetDefaults, charsetRows } from '../features/charset/rows.ts';
import { emptyGifDefaults, emptyGifRows } from '../features/empty-gif/rows.ts';
import { faultsDefaults, faultsRows } from '../features/faults/rows.ts';
import { geoRows } from '../features/geo/rows.ts';
import { gzipDefaults, gzipRows } from '../features/gzip/rows.ts';
import { gzipVariables } from '../features/gzip/variables.ts';
import { headersDefaults, headersRows } from '../features/headers/rows.ts';
import { limitConnDefaults, limitConnRows } from '../features/limit-conn/rows.ts';
import { limitConnVariables } from '../features/limit-conn/variables.ts';
import { limitReqDefaults, limitReqRows } from '../features/limit-req/rows.ts';
import { limitReqVariables } from '../features/limit-req/variables.ts';
import { mapRows } from '../features/map/rows.ts';
import { metricsDefaults, metricsRows } from '../features/metrics/rows.ts';
import { mirrorDefaults, mirrorRows } from '../features/mirror/rows.ts';
import { otelDefaults, otelRows } from '../features/otel/rows.ts';
import { otelVariables } from '../features/otel/variables.ts';
import { rateDefaults, rateRows } from '../features/rate/rows.ts';
import { rateVariables } from '../features/rate/variables.ts';
import { realipDefaults, realipRows } from '../features/realip/rows.ts';
import { realipVariables } from '../features/realip/variables.ts';
import { refererDefaults, refererRows } from '../features/referer/rows.ts';
import { refererVariables } from '../features/referer/variables.ts';
import { secureLinkDefaults, secureLinkRows } from '../features/secure-link/rows.ts';
import { secureLinkVariables } from '../features/secure-link/variables.ts';
import { splitClientsRows } from '../features/split-clients/rows.ts';
import { ssiVariables } from '../features/ssi/dates.ts';
import { ssiDefaults, ssiRows } from '../features/ssi/rows.ts';
import { stubStatusDefaults, stubStatusRows } from '../features/stub-status/rows.ts';
import { stubStatusVariables } from '../features/stub-status/variables.ts';
import { subDefaults, subRows } from '../features/sub/rows.ts';
import { useridDefaults, useridRows } from '../features/userid/rows.ts';
import { useridVariables } from '../features/userid/variables.ts';
import { fastcgiDefaults, fastcgiRows } from '../forward/fastcgi/rows.ts';
import { fastcgiVariables } from '../forward/fastcgi/variables.ts';
import { forwardDefaults, forwardRows, withJsonHeaders } from '../forward/rows.ts';
import { scgiDefaults, scgiRows } from '../forward/scgi/rows.ts';
import { uwsgiDefaults, uwsgiRows } from '../forward/uwsgi/rows.ts';
import { forwardVariables } from '../forward/variables.ts';
import { inspectDefaults, inspectRows } from '../inspect/rows.ts';
import { proxyProtocolVariables } from '../listen/proxy-protocol/variables.ts';
import { listenDefaults, listenRows } from '../listen/rows.ts';
import { tlsDefaults, tlsRows } from '../listen/tls/rows.ts';
import { listenVariables } from '../listen/variables.ts';
import { observeDefaults, observeRows } from '../observe/rows.ts';
import { observeVariables } from '../observe/variables.ts';
import { routeDefaults, routeRows } from '../route/rows.ts';
import type { Getter, VariableLookup, VariableTable } from '../route/template.ts';
import { routeVariables } from '../route/variables.ts';
import { serveDefaults, serveRows } from '../serve/rows.ts';
import { serveVariables } from '../serve/variables.ts';
import { controlDefaults, controlRows } from '../supervise/control/rows.ts';
import { programDefaults, programRows } from '../supervise/rows.ts';
import type { JsonShape } from './json/read.ts';
import type { Settings } from './model.ts';
import { type Context, HTTP_AND_IF, HTTP_LEVELS, ignored, type Row, type SettingRow } from './row.ts';
import { settingsOver } from './settings.ts';
import type { Syntax } from './tree.ts';

/** Directives of nginx that files often carry and that lbproxy does not do yet: said aloud, so that nobody relies on them. */
const NOT_YET: readonly Row[] = ['http2'].map((name) =>
  ignored(name, HTTP_LEVELS, 'HTTP/2 is not spoken yet, clients are answered in HTTP/1.1', {
    warn: true,
    args: [1, 64],
  }),
);

const without = (names: string, why: string, args: readonly [number, number] = [1, 1]): readonly Row[] =>
  names.split(' ').map((name) => ignored(name, HTTP_LEVELS, why, { args }));

/** Tuning of file and event handling that has no counterpart here. */
const TUNING: readonly Row[] = [
  ignored('sendfile', HTTP_AND_IF, 'files are read in pieces of bounded size, Node has no sendfile', {
    args: [1, 1],
  }),
  ...without('sendfile_max_chunk', 'a file never holds up others: it is read in pieces of bounded size'),
  ...without('aio', 'files are read by threads, always', [1, 4]),
  ...without('directio directio_alignment', 'files are read through the cache of the system', [1, 4]),
  ...without('output_buffers', 'a file is read in pieces of a fixed size', [1, 4]),
  ...without('read_ahead', 'the system chooses how far it reads ahead', [1, 4]),
  ...without(
    'open_file_cache open_file_cache_valid open_file_cache_min_uses open_file_cache_errors',
    'what a file is, is looked up for each request, so that no answer is out of date',
    [1, 4],
  ),
  ...without('connection_pool_size request_pool_size', 'the memory of requests is Node’s to give', [1, 4]),
];

const PUSH = 'nothing is pushed: nginx itself has withdrawn it, and browsers have';

const HTTP2_TUNING =
  'http2_max_concurrent_streams http2_recv_buffer_size http2_body_preread_size http2_pool_size http2_streams_index_size';

/** nginx itself takes them, and does nothing. */
const HTTP2_OBSOLETE =
  'http2_max_requests http2_max_field_size http2_max_header_size http2_recv_timeout http2_idle_timeout';

/** The same for what has other arguments. */
const OTHER_TUNING: readonly Row[] = [
  ...without('aio_write', 'files are written by threads, always'),
  ...without('open_file_cache_events', 'nothing about files is kept that could change'),
  ...without('proxy_send_lowat fastcgi_send_lowat', 'it is for BSD; what is ready goes at once'),
  ...['rewrite_log', 'uninitialized_variable_warn'].map((name) =>
    ignored(name, [...HTTP_AND_IF, 'if in server'], 'rewrites and unset variables are not logged', {
      args: [1, 1],
    }),
  ),
  ...HTTP2_TUNING.split(' ').map((name) =>
    ignored(name, ['http', 'server'], 'HTTP/2 is not spoken yet', { args: [1, 1] }),
  ),
  ...without('http2_chunk_size', 'HTTP/2 is not spoken yet'),
  ...HTTP2_OBSOLETE.split(' ').map((name) =>
    ignored(name, ['http', 'server'], 'nginx itself has withdrawn what it did', {
      args: [1, 1],
      repeats: true,
    }),
  ),
  ...without('http2_push_preload', PUSH),
  ignored('http2_push', HTTP_LEVELS, PUSH, { args: [1, 1], repeats: true }),
  ignored('http2_max_concurrent_pushes', ['http', 'server'], PUSH, { args: [1, 1] }),
];

/** Of sockets and processes, where Node has no such call. */
const KERNEL_TUNING: readonly Row[] = [
  ignored('debug_points', ['main'], 'it stops nginx for a debugger of C', { args: [1, 1] }),
  ignored('ssl_object_cache_inheritable', ['main'], 'certificates are read anew by each reload', {
    args: [1, 1],
  }),
];

const PROGRAM_BLOCK: Row = {
  kind: 'structure',
  name: 'program',
  aliases: ['programs'],
  contexts: ['main'],
  opens: 'program',
  args: [1, 1],
  syntax: 'name { … }',
  doc: 'Processes that lbproxy starts and keeps.',
};

export const ROWS: readonly Row[] = [
  ...clusterRows,
  PROGRAM_BLOCK,
  ...programRows,
  ...controlRows,
  ...inspectRows,
  ...cockpitRows,
  ...balanceRows,
  ...listenRows,
  ...tlsRows,
  ...bodyRows,
  ...routeRows,
  ...forwardRows,
  ...fastcgiRows,
  ...uwsgiRows,
  ...scgiRows,
  ...serveRows,
  ...authRequestRows,
  ...headersRows,
  ...gzipRows,
  ...subRows,
  ...additionRows,
  ...mirrorRows,
  ...accessRows,
  ...authBasicRows,
  ...brotliRows,
  ...charsetRows,
  ...rateRows,
  ...ssiRows,
  ...mapRows,
  ...geoRows,
  ...splitClientsRows,
  ...limitReqRows,
  ...limitConnRows,
  ...faultsRows,
  ...realipRows,
  ...useridRows,
  ...refererRows,
  ...secureLinkRows,
  ...stubStatusRows,
  ...metricsRows,
  ...otelRows,
  ...emptyGifRows,
  ...autoindexRows,
  ...observeRows,
  ...TUNING,
  ...OTHER_TUNING,
  ...KERNEL_TUNING,
  ...NOT_YET,
];

/** Every key of the settings with its default: a missing one does not compile. */
export const DEFAULTS: Settings = {
  ...clusterDefaults,
  ...programDefaults,
  ...controlDefaults,
  ...inspectDefaults,
  ...cockpitDefaults,
  ...balanceDefaults,
  ...listenDefaults,
  ...tlsDefaults,
  ...bodyDefaults,
  ...routeDefaults,
  ...forwardDefaults,
  ...fastcgiDefaults,
  ...uwsgiDefaults,
  ...scgiDefaults,
  ...serveDefaults,
  ...authRequestDefaults,
  ...headersDefaults,
  ...gzipDefaults,
  ...subDefaults,
  ...additionDefaults,
  ...mirrorDefaults,
  ...accessDefaults,
  ...authBasicDefaults,
  ...brotliDefaults,
  ...charsetDefaults,
  ...rateDefaults,
  ...ssiDefaults,
  ...limitReqDefaults,
  ...limitConnDefaults,
  ...faultsDefaults,
  ...realipDefaults,
  ...useridDefaults,
  ...refererDefaults,
  ...secureLinkDefaults,
  ...stubStatusDefaults,
  ...metricsDefaults,
  ...otelDefaults,
  ...emptyGifDefaults,
  ...autoindexDefaults,
  ...observeDefaults,
};

/** What the outermost level of a configuration inherits: the defaults, and over them those of its syntax. */
const OUTERMOST: Readonly<Record<Syntax, Settings>> = {
  nginx: settingsOver(DEFAULTS, {}),
  json: settingsOver(DEFAULTS, { proxySetHeader: withJsonHeaders(DEFAULTS.proxySetHeader) }),
};

export function outermostOf(syntax: Syntax): Settings {
  return OUTERMOST[syntax];
}

let byName: ReadonlyMap<string, readonly Row[]> | null = null;

function rowsByName(): ReadonlyMap<string, readonly Row[]> {
  byName ??= indexed(ROWS);
  return byName;
}

function indexed(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const index = new Map<string, Row[]>();
  const add = (name: string, row: Row): void => {
    const there = index.get(name);
    if (there === undefined) index.set(name, [row]);
    else there.push(row);
  };
  for (const row of rows) {
    add(row.name, row);
    for (const alias of row.aliases ?? NO_ALIASES) add(alias, row);
  }
  return index;
}

const NO_ALIASES: readonly string[] = [];

/** All rows of a name; several where it means different things in different places (`server`, `keepalive_timeout`). */
export function rowsNamed(name: string): readonly Row[] {
  return rowsByName().get(name) ?? NO_ROWS;
}

const NO_ROWS: readonly Row[] = [];
const byContext = new Map<Context, readonly string[]>();

/** All names that may stand in a context. */
export function namesIn(context: Context): readonly string[] {
  const names =
    byContext.get(context) ??
    [...rowsByName()]
      .filter(([, rows]) => rows.some((row) => row.contexts.includes(context)))
      .map(([name]) => name);
  byContext.set(context, names);
  return names;
}

/** Contexts of the parent directive's inside, for the JSON reader, which knows names only. */
function contextsInside(parent: string | null): readonly Context[] {
  if (parent === null) return ['main', 'http'];
  if (parent === 'if') return ['if in location', 'if in server'];
  return rowsNamed(parent).flatMap((row) =>
    row.kind === 'structure' && row.opens !== undefined ? [row.opens] : [],
  );
}

/** What the JSON reader must know to turn a key into directives. */
export function shapeOf(name: string, parent: string | null): JsonShape | undefined {
  const places = contextsInside(parent);
  const row = rowsNamed(name).find((candidate) =>
    candidate.contexts.some((context) => places.includes(context)),
  );
  if (row === undefined) return undefined;
  return {
    name: row.name,
    minArgs: row.args[0],
    maxArgs: row.args[1],
    repeat: row.kind === 'structure' || (row.kind === 'setting' && isList(row)),
    block: row.kind === 'structure' && row.opens !== undefined,
    names: row.kind === 'setting' && row.repeat === 'merge',
    syntax: row.syntax,
    ...(row.kind === 'setting' ? { kind: row.key } : SCRIPT.has(row.name) ? { kind: 'script' } : {}),
    ...togetherOf(row),
  };
}

/** Steps that run in the order in which they stand. */
const SCRIPT: ReadonlySet<string> = new Set(['rewrite', 'set', 'if', 'return', 'break']);

function togetherOf(row: Row): Pick<JsonShape, 'together'> {
  if (row.kind === 'ignored') return { together: 'nothing' };
  return row.kind === 'setting' && (row.repeat === 'union' || row.repeat === 'last')
    ? { together: row.repeat }
    : {};
}

/** Whether each element of a JSON list is one of the directive, and not the list its arguments. */
const isList = ({ repeat }: SettingRow): boolean => repeat === 'append' || repeat === 'merge';

export const TABLES: readonly VariableTable[] = [
  routeVariables,
  listenVariables,
  bodyVariables,
  forwardVariables,
  fastcgiVariables,
  observeVariables,
  serveVariables,
  limitReqVariables,
  limitConnVariables,
  gzipVariables,
  rateVariables,
  ssiVariables,
  secureLinkVariables,
  refererVariables,
  useridVariables,
  realipVariables,
  stubStatusVariables,
  otelVariables,
  proxyProtocolVariables,
];

/** The getter of a variable that every configuration has. */
export function lookupVariable(given: string): Getter | undefined {
  const name = given.toLowerCase();
  for (const table of TABLES) {
    const plain = Object.hasOwn(table.plain, name) ? table.plain[name] : undefined;
    if (plain !== undefined) return plain;
  }
  for (const table of TABLES) {
    for (const [family, make] of Object.entries(table.families)) {
      if (name.startsWith(family) && name.length > family.length) return make(name.slice(family.length));
    }
  }
  return undefined;
}

/** Variables of ours that a configuration may set all the same (NGX_HTTP_VAR_CHANGEABLE); names of families it may set too. */
const SETTABLE = /^(?:args$|limit_rate$|uid_reset$|invalid_referer$|ssl_|proxy_(?:host|port)$|trace_id$)/;

/** Whether a configuration must not make a variable of this name: it would never be seen. */
export function isBuiltIn(name: string): boolean {
  return !SETTABLE.test(name) && TABLES.some((table) => Object.hasOwn(table.plain, name));
}

/** As `lookupVariable`, also for variables made by `set` and by named captures. Those that a configuration defines: lookup.ts. */
export const lookupAny: VariableLookup = (given) => {
  const name = given.toLowerCase();
  const getter = lookupVariable(name);
  if (getter === undefined) return (x) => x.variables?.get(name);
  // `set $args` changes the arguments themselves.
  if (name === 'args' || name === 'limit_rate' || isBuiltIn(name)) return getter;
  return (x) => (x.variables === null ? undefined : x.variables.get(name)) ?? getter(x);
};

/** Names of variables for "did you mean". */
export function variableNames(): string[] {
  return TABLES.flatMap((table) => Object.keys(table.plain));
}
