// A directory of files and the locations on it, once as nginx configuration and once as our handlers.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Exchange, Handler } from '../../src/exchange/exchange.ts';
import { createFail } from '../../src/serve/error-page.ts';
import { FileCopies } from '../../src/serve/file-copies.ts';
import { type FileMapping, mappingOf } from '../../src/serve/file-path.ts';
import { createFileHandler, type FileOptions } from '../../src/serve/files.ts';
import { type IndexOptions, indexContent } from '../../src/serve/index-files.ts';
import { createTypeOf } from '../../src/serve/mime.ts';
import { createSendRedirect, type RedirectOptions } from '../../src/serve/redirect.ts';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';

export const SERVER_NAME = 'ref.example.org';
const TYPES = { html: 'text/html', htm: 'text/html', txt: 'text/plain', jpg: 'image/jpeg', css: 'text/css' };
export const TYPES_BLOCK = 'types { text/html html htm; text/plain txt; image/jpeg JPG; text/css css; }';
/** More than two pieces of a transfer. */
export const BIG_BYTES = 600_000;

/** Makes the files; `remove` takes them away. Times are fixed, one with nanoseconds that a rounding would lose. */
export function makeFiles(): { readonly root: string; readonly outside: string; remove(): void } {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-site-')));
  const root = path.join(dir, 'root');
  const outside = path.join(dir, 'outside');
  const put = (name: string, content: string | Buffer): void => {
    const file = path.join(root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
    fs.utimesSync(file, 1_700_000_000, 1_700_000_000);
  };
  put('index.html', '<p>home\n');
  put('small.txt', '0123456789abcdefghijklmnopqrstuvwxyz');
  put('empty.txt', '');
  put('big.bin', Buffer.alloc(BIG_BYTES, 'a line of thirty-one characters\n'));
  put('PIC.JPG', 'not really');
  put('noext', 'x');
  put('.profile', 'x');
  put('a.b.CSS', 'p{}');
  put('d.txt/inner', 'x');
  put('dot.d/plain', 'x');
  put('second/index.htm', '<p>second\n');
  put('noindex/x.txt', 'x');
  put('dirindex/index.html/x', 'x');
  put('sp ace é"<x>.txt', 'odd');
  put('dir é #%/x', 'odd');
  put('pics/1.jpg', 'one');
  put('pics/index.html', '<p>pics\n');
  put('nanos.txt', 'x');
  put('ancient.txt', 'x');
  execFileSync('touch', ['-d', '@1700000000.999999999', path.join(root, 'nanos.txt')]);
  execFileSync('touch', ['-d', '@0', path.join(root, 'ancient.txt')]);
  execFileSync('mkfifo', [path.join(root, 'fifo')]);
  fs.symlinkSync('small.txt', path.join(root, 'link.txt'));
  for (const spec of LOCATIONS) {
    const m = /^\/(\w+)\/$/.exec(spec.match);
    if (m !== null && spec.path === '') fs.symlinkSync('.', path.join(root, m[1]));
  }
  fs.mkdirSync(outside);
  fs.writeFileSync(path.join(outside, 'secret.txt'), 'secret');
  return { root, outside, remove: () => fs.rmSync(dir, { recursive: true, force: true }) };
}

/** A location: `match` as nginx writes it, and what differs from the rest. */
interface LocationSpec {
  readonly match: string;
  /** Below the root of the files; `$1` is the capture. */
  readonly path: string;
  readonly alias?: boolean;
  readonly nginx?: string;
  readonly files?: Partial<FileOptions & IndexOptions>;
  readonly redirect?: Partial<RedirectOptions>;
  readonly type?: string;
}

export const LOCATIONS: readonly LocationSpec[] = [
  { match: '/', path: '' },
  { match: '/rel/', path: '', nginx: 'absolute_redirect off;', redirect: { absoluteRedirect: false } },
  { match: '/noport/', path: '', nginx: 'port_in_redirect off;', redirect: { portInRedirect: false } },
  {
    match: '/named/',
    path: '',
    nginx: 'server_name_in_redirect on;',
    redirect: { serverNameInRedirect: true },
  },
  { match: '/notag/', path: '', nginx: 'etag off;', files: { etag: false } },
  { match: '/imsoff/', path: '', nginx: 'if_modified_since off;', files: { ifModifiedSince: 'off' } },
  {
    match: '/imsbefore/',
    path: '',
    nginx: 'if_modified_since before;',
    files: { ifModifiedSince: 'before' },
  },
  { match: '/noranges/', path: '', nginx: 'max_ranges 0;', files: { maxRanges: 0 } },
  { match: '/tworanges/', path: '', nginx: 'max_ranges 2;', files: { maxRanges: 2 } },
  { match: '/notype/', path: '', nginx: 'default_type "";', type: '' },
  {
    match: '/absindex/',
    path: '',
    nginx: 'index nothing.html /small.txt;',
    files: { index: names('nothing.html', '/small.txt') },
  },
  { match: '/gone/', path: '/nowhere' },
  { match: '/al/', path: '/pics/', alias: true },
  { match: '/part', path: '/pic', alias: true },
  { match: '= /exact', path: '/small.txt', alias: true },
  { match: '~ ^/re/(.*)$', path: '/$1', alias: true },
];

function names(...list: string[]): IndexOptions['index'] {
  return list.map((name) => () => name);
}

/** The location blocks for nginx. */
export function nginxLocations(root: string): string {
  return LOCATIONS.map((spec) => {
    const directive = spec.alias ? 'alias' : 'root';
    return `location ${spec.match} { ${directive} ${root}${spec.path}; ${spec.nginx ?? ''} }`;
  }).join('\n');
}

/** What our handlers reported for the error log, in order. */
export interface OurSite {
  readonly handle: Handler;
  readonly reports: string[];
}

/** The same locations with our handlers behind nginx's rules of choice. */
export function ourSite(
  root: string,
  signature: string,
  more: Partial<FileOptions & IndexOptions> = {},
  copies = new FileCopies(),
): OurSite {
  const reports: string[] = [];
  const regex: [RegExp, Handler][] = [];
  const exact = new Map<string, Handler>();
  const prefixes: [string, Handler][] = [];
  const dispatch: Handler = (exchange) => {
    const { uri } = exchange;
    const whole = exact.get(uri);
    if (whole !== undefined) return whole(exchange);
    for (const [pattern, handler] of regex) {
      exchange.captures = pattern.exec(uri);
      if (exchange.captures !== null) return handler(exchange);
    }
    const best = prefixes
      .filter(([prefix]) => uri.startsWith(prefix))
      .sort((a, b) => b[0].length - a[0].length)[0];
    return best[1](exchange);
  };
  const redirect = (exchange: Exchange, uri: string): void => {
    exchange.uri = uri;
    dispatch(exchange);
  };
  for (const spec of LOCATIONS) {
    const [, modifier, text] = /^(?:(=|~) )?(.*)$/.exec(spec.match) ?? [];
    const kind = modifier === '~' ? 'regex' : modifier === '=' ? 'exact' : 'prefix';
    const match = kind === 'regex' ? ({ kind, text, caseless: false } as const) : ({ kind, text } as const);
    const mapping: FileMapping = mappingOf({ path: root + spec.path, alias: spec.alias ?? false }, match);
    const redirects: RedirectOptions = {
      serverName: signature,
      absoluteRedirect: true,
      portInRedirect: true,
      serverNameInRedirect: false,
      ...spec.redirect,
    };
    const options: FileOptions & IndexOptions = {
      root: (exchange) => root + spec.path.replace('$1', exchange.captures?.[1] ?? ''),
      mapping,
      links: null,
      prefix: root,
      index: names('index.html', 'index.htm'),
      typeOf: createTypeOf(Object.entries(TYPES), spec.type ?? 'application/x-default'),
      coding: '',
      maxRanges: 16,
      etag: true,
      ifModifiedSince: 'exact',
      logNotFound: true,
      redirect,
      sendRedirect: createSendRedirect({ ...redirects, rules: null }),
      fail: createFail({ serverName: signature, errorDetail: false, report: null, rules: null }),
      report: (_, message) => reports.push(message),
      ...spec.files,
      ...more,
    };
    const serve = indexContent(options, copies).before(createFileHandler(options, copies));
    // Conditions and ranges fail through the location's funnel.
    const handler: Handler = (exchange) => {
      exchange.location = { ...exchange.location, fail: options.fail };
      serve(exchange);
    };
    if (kind === 'regex') regex.push([new RegExp(text), handler]);
    else if (kind === 'exact') exact.set(text, handler);
    else prefixes.push([text, handler]);
  }
  return { handle: dispatch, reports };
}

/** Longer than a file's stamps must have stood for it to be kept. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 130));
}

/** One request to the handler of a site. */
export function askHandler(site: OurSite, requestLine: string, fields: readonly string[]) {
  const client = new FakeClient();
  const head = [`${requestLine} HTTP/1.1`, 'Host: example.org', ...fields, '', ''].join('\r\n');
  const exchange = fakeExchange(client, head);
  site.handle(exchange);
  return { exchange, answer: client.answer };
}
