// From the proxy settings of a location to its forward handler: where requests go, which heads they carry, what is tried again.
import { Http1Back, type Http1Options } from '../back/http1.ts';
import type { LocationMatch, Settings } from '../config/model.ts';
import type { Exchange, Handler } from '../exchange/exchange.ts';
import type { RoadTap } from '../exchange/tap.ts';
import { FACES } from '../face/face.ts';
import { MAX_FIELDS } from '../http/fields.ts';
import { headLimits } from '../http/request-head.ts';
import { matches, type Pattern, patternOf } from '../route/pattern.ts';
import { compileTemplate, constantOf, toBytes, toText, type VariableLookup } from '../route/template.ts';
import { escapeUri, standsInPath } from '../route/uri.ts';
import { dnsClientOf } from '../upstream/dns/dns-client.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { UpstreamSet } from '../upstream/upstream-set.ts';
import { bound } from './bind.ts';
import { USUAL_HEAD_BYTES } from './buffering/rows.ts';
import type { CacheTarget } from './cache/options.ts';
import { compileCachedHead } from './cache/request-head.ts';
import { compileCookies } from './cookies.ts';
import { familyOptions } from './family/family-options.ts';
import { createTaking } from './family/taking.ts';
import type { ForwardOptions } from './forward-options.ts';
import type { ForwardTools } from './forward-tools.ts';
import { compileRequestHead, type RequestHeadOptions } from './request-head.ts';
import { compileResponseHead, compileTrailers, hiddenOf, type RedirectRule } from './response-head.ts';
import type { ProxyPass, ProxyRedirect } from './rows.ts';
import { isAddress, nameOfAddress } from './target-address.ts';
import { compilePeerTls } from './tls/compile-peer-tls.ts';
import { traceFields } from './trace-fields.ts';
import { hostFieldOf, peerUrl } from './variables.ts';

/** A proxy_pass URL in its parts. */
interface Target {
  readonly upstream: ForwardOptions['upstream'];
  /** Constant group or server, as bytes; '' with variables. */
  readonly authority: string;
  readonly secure: boolean;
  /** The request target for the peer. */
  readonly uri: (exchange: Exchange) => string;
  /** The URL's constant text, for proxy_redirect default; '' with variables. */
  readonly url: string;
  readonly hasUri: boolean;
  /** Where variables say it: tells the exchange where it goes to. */
  readonly locate: ((exchange: Exchange) => void) | null;
}

export function compileForward(
  pass: ProxyPass,
  settings: Settings,
  match: LocationMatch | null,
  tools: ForwardTools,
): Handler {
  const { lookup } = tools;
  const prefix = match === null ? '' : toBytes(match.text);
  const target = compileTarget(pass, prefix, settings, tools);
  const cookie = compileCookies(
    {
      domains: settings.proxyCookieDomain,
      paths: settings.proxyCookiePath,
      flags: settings.proxyCookieFlags,
    },
    lookup,
  );
  const passesBody = settings.proxyPassRequestBody && settings.proxySetBody === null;
  const hiding = {
    hidden: hiddenOf('proxy', settings.proxyForceRanges),
    hide: settings.proxyHideHeader,
    pass: settings.proxyPassHeader,
  };
  const upgrade = compileUpgrade(settings, lookup);
  const writeHead = compileHead(target, settings, { lookup, upgrade });
  const { tap } = tools;
  const options: ForwardOptions = {
    ...familyOptions('proxy', settings, toText(target.authority), tools),
    streamsBody: !settings.proxyRequestBuffering && passesBody,
    ownBody: settings.proxySetBody === null ? null : compileTemplate(settings.proxySetBody, lookup),
    upstream: target.upstream,
    authority: target.authority,
    secure: target.secure,
    transport: bound(settings.proxyBind, compileTransport(pass, settings, tools), tools),
    back: compileHttp1(tap === null ? writeHead : seenBy(tap, writeHead), settings, upgrade !== null),
    takeHead: compileResponseHead({
      ...hiding,
      redirects: compileRedirects(settings.proxyRedirect, target, prefix, lookup),
      cookie,
      absolute: tools.absolute,
    }),
    carriedCookie: cookie,
    upgrade,
    needsLength: settings.proxyHttpVersion === '1.0',
    takeTrailers: settings.proxyPassTrailers ? compileTrailers(hiding) : null,
    sentTo: (x, peer) => peerUrl(x.proxySecure ? 'https' : 'http', peer) + target.uri(x),
  };
  return createTaking(
    options,
    settings,
    { family: 'proxy', shown: writeHead, ...cacheTarget(target) },
    tools,
  );
}

/** The usual key is the URL that the peer is asked for. */
function cacheTarget({ authority, secure, uri, locate }: Target): CacheTarget {
  return {
    nameTarget(x) {
      if (locate !== null) return locate(x);
      x.proxyHost = authority;
      x.proxySecure = secure;
    },
    key: (x) => {
      const host = x.proxyHost.startsWith('unix:') ? x.proxyHost : hostFieldOf(x.proxyHost, x.proxySecure);
      return `${x.proxySecure ? 'https' : 'http'}://${host}${uri(x)}`;
    },
  };
}

type WriteHead = Http1Options['writeHead'];

function compileHead(
  target: Target,
  settings: Settings,
  { lookup, upgrade }: Pick<ForwardOptions, 'upgrade'> & { readonly lookup: VariableLookup },
): WriteHead {
  const head: RequestHeadOptions = {
    set: compileSetFields(settings, target, lookup),
    method: settings.proxyMethod === '' ? null : compileTemplate(settings.proxyMethod, lookup),
    target: target.uri,
    passFields: settings.proxyPassRequestHeaders,
    http10: settings.proxyHttpVersion === '1.0',
    keepalive: settings.upstreamKeepalive > 0,
    upgrade,
    closes: compileCloses(settings, lookup),
  };
  return settings.proxyCache === null ? compileRequestHead(head) : compileCachedHead(head);
}

function compileHttp1(writeHead: WriteHead, settings: Settings, anyProtocol: boolean): Http1Back {
  const bytes = settings.proxyBufferBytes || USUAL_HEAD_BYTES;
  return new Http1Back({
    writeHead,
    headLimits: headLimits(bytes, bytes, MAX_FIELDS),
    http10: settings.proxyHttpVersion === '1.0',
    keepsMethod: settings.proxyCache === null && settings.proxyMethod === '',
    anyProtocol,
  });
}

function seenBy(tap: RoadTap, writeHead: WriteHead): WriteHead {
  return (x, framing, upgrade) => {
    const head = writeHead(x, framing, upgrade);
    tap.toPeer(x, head);
    return head;
  };
}

/** `proxy_set_header Connection …` where it may be obeyed: whether it says close. Null where there is none. */
function compileCloses(
  { face, proxySetHeader }: Settings,
  lookup: VariableLookup,
): ((x: Exchange) => boolean) | null {
  const field = proxySetHeader.findLast(([name]) => name.toLowerCase() === 'connection');
  if (field === undefined || field[1] === '' || !FACES[face].obeysConnectionClose) return null;
  const value = compileTemplate(field[1], lookup);
  return (x) => value(x).toLowerCase() === 'close';
}

/** `proxy_set_header Upgrade …` of a location; null where there is none. */
function compileUpgrade({ proxySetHeader }: Settings, lookup: VariableLookup): ForwardOptions['upgrade'] {
  const field = proxySetHeader.findLast(([name]) => name.toLowerCase() === 'upgrade');
  return field === undefined ? null : compileTemplate(field[1], lookup);
}

/** TLS to the peer, by https:// or, with variables, where they give that. */
function compileTransport(
  pass: ProxyPass,
  settings: Settings,
  tools: ForwardTools,
): ForwardOptions['transport'] {
  const transport = compilePeerTls(pass, settings, tools);
  if (transport === null) return null;
  return /^https:/i.test(pass.url) ? transport : (x) => (x.proxySecure ? transport(x) : null);
}

type SetField = readonly [name: string, value: (exchange: Exchange) => string];

/** The fields of proxy_set_header, Host before all others and in this spelling, as nginx writes it since 1.31.4. */
function compileSetFields(settings: Settings, target: Target, lookup: VariableLookup): SetField[] {
  const set = settings.proxySetHeader.map(
    ([name, value]): SetField => [name, compileTemplate(value, lookup)],
  );
  const isHost = ([name]: SetField): boolean => name.toLowerCase() === 'host';
  const own = set.filter((f) => !isHost(f));
  const traced = traceFields(settings, (name) => own.some(([each]) => each.toLowerCase() === name));
  return [['Host', compileHost(set.findLast(isHost), settings, target)], ...own, ...traced];
}

function compileHost(
  own: SetField | undefined,
  settings: Settings,
  { authority, secure }: Target,
): SetField[1] {
  const constant = hostFieldOf(authority, secure);
  const usual = authority === '' ? (x: Exchange) => hostFieldOf(x.proxyHost, x.proxySecure) : () => constant;
  if (own === undefined) return usual;
  const [, value] = own;
  // HTTP/1.1 has no request without Host.
  return settings.proxyHttpVersion === '1.0' ? value : (x) => value(x) || usual(x);
}

const URL_PARTS = /^(https?):\/\/(unix:[^:]*:?|[^/?]*)(.*)$/is;

/** A URL without variables. */
function partsOf(url: string): {
  readonly secure: boolean;
  readonly authority: string;
  readonly rest: string;
} {
  const [, scheme, authority, rest] = URL_PARTS.exec(url) ?? ['', 'http', url, ''];
  return { secure: scheme.length > 'http'.length, authority, rest };
}

/** Where a proxy_pass leads, if that is the same for all requests: makes the group of a server that it names. */
export function targetGroup(pass: ProxyPass, upstreams: UpstreamSet): Upstream | undefined {
  if (constantOf(pass.url) === undefined) return undefined;
  const { authority, secure } = partsOf(pass.url);
  return upstreams.of(authority, pass.at, secure);
}

function compileTarget(pass: ProxyPass, prefix: string, settings: Settings, tools: ForwardTools): Target {
  const url = constantOf(pass.url);
  const upstream = targetGroup(pass, tools.upstreams);
  if (url === undefined || upstream === undefined) return compileVariableTarget(pass, settings, tools);
  const { authority, secure, rest } = partsOf(url);
  const uri = rest === '' ? originalTarget : replacedTarget(rest.startsWith('/') ? rest : `/${rest}`, prefix);
  return {
    upstream,
    authority,
    secure,
    uri,
    url,
    hasUri: rest !== '',
    locate: null,
  };
}

/** The target as the client sent it, unless the configuration changed the path or the arguments. */
function originalTarget(x: Exchange): string {
  if (!x.rewritten && !x.argsChanged) return x.request.path;
  return escapedWhereItWas(x, x.uri) + queryOf(x);
}

/** `proxy_pass http://group/uri/`: the URI stands for the part of the path that the location matched. */
function replacedTarget(uri: string, prefix: string): (exchange: Exchange) => string {
  return (x) => {
    // A rewrite with `break` has already said what the path is.
    if (!x.locationHolds) return originalTarget(x);
    const rest = x.uri.slice(prefix.length);
    return uri + escapedWhereItWas(x, rest) + queryOf(x);
  };
}

/** What came without an escape goes on without one (ngx_http_proxy_create_request: quoted_uri, internal). */
function escapedWhereItWas(x: Exchange, path: string): string {
  return x.rewritten || standsInPath(x.request.path, '%') ? escapeUri(path) : path;
}

/** Arguments that `set` or a rewrite made may hold decoded bytes: nothing of them may end the request line. */
function queryOf({ args }: Exchange): string {
  if (args === '') return '';
  return UNSAFE.test(args) ? `?${args.replace(ALL_UNSAFE, percent)}` : `?${args}`;
}

const UNSAFE = /[\x00-\x20\x7f]/;
const ALL_UNSAFE = /[\x00-\x20\x7f]/g;

/** With variables the URL is made for each request; a URI in it is passed as it is. */
function compileVariableTarget(pass: ProxyPass, settings: Settings, tools: ForwardTools): Target {
  const dns = settings.resolver === null ? null : dnsClientOf(settings.resolver);
  const timeoutMs = settings.resolverTimeoutMs;
  const template = compileTemplate(pass.url, tools.lookup);
  const locate = (x: Exchange): void => {
    const [, scheme, authority, rest] = URL_PARTS.exec(template(x)) ?? ['', '', '', ''];
    x.proxyHost = authority;
    x.proxySecure = scheme.length > 'http'.length;
    x.proxyRest = rest;
  };
  return {
    upstream: (x, ready) => {
      locate(x);
      const authority = x.proxyHost;
      // Empty, but set, where it is none (ngx_http_proxy_eval).
      x.tellsProxyHost = true;
      if (!isAddress(authority)) {
        x.proxyHost = '';
        return ready(undefined, `proxy_pass gave no address ("${authority}")`, 'no_target');
      }
      const name = nameOfAddress(authority, tools.upstreams);
      if (name === undefined) return ready(undefined, `proxy_pass gave no valid host ("${authority}")`);
      tools.upstreams.ofRequest(name, ready, { secure: x.proxySecure, dns, timeoutMs });
    },
    uri: (x) => {
      const rest = x.proxyRest;
      // What variables give may hold decoded bytes: nothing of it may end the request line.
      return rest === ''
        ? originalTarget(x)
        : (rest.startsWith('/') ? rest : `/${rest}`).replace(ALL_UNSAFE, percent);
    },
    authority: '',
    secure: false,
    url: '',
    hasUri: false,
    locate,
  };
}

function percent(c: string): string {
  return `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function compileRedirects(
  rules: readonly ProxyRedirect[],
  target: Target,
  prefix: string,
  lookup: VariableLookup,
): RedirectRule[] {
  if (rules.some((rule) => rule.kind === 'off')) return [];
  return rules.flatMap((rule): RedirectRule[] => {
    switch (rule.kind) {
      case 'default':
        if (target.url === '') return [];
        if (target.hasUri)
          return [
            prefixRule(
              () => target.url,
              () => prefix,
            ),
          ];
        return [
          prefixRule(
            () => `${target.url}/`,
            () => '/',
          ),
        ];
      case 'prefix':
        return [prefixRule(compileTemplate(rule.from, lookup), compileTemplate(rule.to, lookup))];
      case 'regex':
        return [regexRule(patternOf(rule.pattern, rule.caseless), compileTemplate(rule.to, lookup))];
      default:
        return [];
    }
  });
}

function prefixRule(from: (x: Exchange) => string, to: (x: Exchange) => string): RedirectRule {
  return (x, value) => {
    const start = from(x);
    return start !== '' && value.startsWith(start) ? to(x) + value.slice(start.length) : undefined;
  };
}

function regexRule(pattern: Pattern, to: (x: Exchange) => string): RedirectRule {
  return (x, value) => (matches(x, pattern, value) ? to(x) : undefined);
}
