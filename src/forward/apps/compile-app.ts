// From the settings of a location that passes requests to an app (FastCGI, uwsgi, SCGI) to its forward handler.
import { AppBack } from '../../back/app-back.ts';
import type { Back } from '../../back/back.ts';
import { parameter } from '../../back/fastcgi/records.ts';
import { FASTCGI_TRANSPORT, FastcgiBack } from '../../back/fastcgi.ts';
import { compileParameters, type ParameterOptions } from '../../back/parameters.ts';
import { compileScgiRequest, SCGI_TRANSPORT, scgiHeader, scgiLength } from '../../back/scgi.ts';
import { compileUwsgiRequest, UWSGI_TRANSPORT, uwsgiVariable } from '../../back/uwsgi.ts';
import type { Settings } from '../../config/model.ts';
import type { Exchange, Handler } from '../../exchange/exchange.ts';
import { MAX_FIELDS } from '../../http/fields.ts';
import type { HeadLimits } from '../../http/request-head.ts';
import { compileTemplate, constantOf, toBytes } from '../../route/template.ts';
import { dnsClientOf } from '../../upstream/dns/dns-client.ts';
import { bound } from '../bind.ts';
import { USUAL_HEAD_BYTES } from '../buffering/rows.ts';
import { familyOptions } from '../family/family-options.ts';
import { createTaking } from '../family/taking.ts';
import type { FindUpstream, ForwardOptions } from '../forward-options.ts';
import type { ForwardTools } from '../forward-tools.ts';
import { compileResponseHead, hiddenOf } from '../response-head.ts';
import type { ProxyPass } from '../rows.ts';
import { isAddress, nameOfAddress } from '../target-address.ts';
import { compilePeerTls } from '../tls/compile-peer-tls.ts';
import { traceFields } from '../trace-fields.ts';
import { peerUrl } from '../variables.ts';
import { type AppFamily, UWSGI_URL } from './rows.ts';

const URL_OF_APP = /^(s?)(fastcgi|uwsgi|scgi):\/\/(.*)$/s;

/** Null for a pass that is none to an app. */
export function compileApp(pass: ProxyPass, settings: Settings, tools: ForwardTools): Handler | null {
  const m = URL_OF_APP.exec(pass.url);
  if (m === null) return null;
  const secure = m[1] !== '';
  const family = m[2] as AppFamily;
  // As text groups and servers are known, as bytes they go out.
  const name = constantOf(m[3]) === undefined ? '' : m[3];
  const authority = toBytes(name);
  const options: ForwardOptions = {
    ...familyOptions(family, settings, name, tools),
    upstream:
      name === ''
        ? byRequest({ family, secure, address: m[3] }, settings, tools)
        : tools.upstreams.of(name, pass.at),
    authority,
    secure,
    transport: bound(settings[`${family}Bind`], transportOf(family, pass, settings, tools), tools),
    back: compileBack(family, settings, tools),
    takeHead: compileResponseHead({
      hidden: hiddenOf(family, settings[`${family}ForceRanges`]),
      hide: settings[`${family}HideHeader`],
      pass: settings[`${family}PassHeader`],
      redirects: [],
      cookie: null,
      absolute: tools.absolute,
    }),
    // uwsgi and SCGI say how long the body is before it goes.
    needsLength: family !== 'fastcgi',
    sentTo: (x, peer) => peerUrl(`${x.proxySecure ? 's' : ''}${family}`, peer),
  };
  // There is no usual key: the configuration was refused without one.
  const target = {
    family,
    // Compiled when somebody asks.
    shown: (x: Exchange) =>
      (family === 'scgi' ? scgiLength(x, asLine) : '') +
      compileParameters(parametersOf(family, settings, tools, asLine))(x),
    key: (x: Exchange) => x.uri,
    nameTarget() {},
  } as const;
  return createTaking(options, settings, target, tools);
}

/** An address with variables. */
interface AppAddress {
  readonly family: AppFamily;
  readonly secure: boolean;
  /** Template. */
  readonly address: string;
}

/** Looked up when a request comes. */
function byRequest(
  { family, secure, address }: AppAddress,
  settings: Settings,
  { lookup, upstreams }: ForwardTools,
): FindUpstream {
  const dns = settings.resolver === null ? null : dnsClientOf(settings.resolver);
  const template = compileTemplate(address, lookup);
  return (x, ready) => {
    const text = template(x);
    // What begins with a variable may say itself whether it is over TLS.
    const own = family === 'uwsgi' && !secure ? UWSGI_URL.exec(text) : null;
    const given = own === null ? text : own[2];
    if (!isAddress(given))
      return ready(undefined, `${family}_pass gave no address ("${given}")`, 'no_target');
    const name = nameOfAddress(given, upstreams);
    if (name === undefined) return ready(undefined, `${family}_pass gave no valid address ("${given}")`);
    x.proxyHost = given;
    x.proxySecure = secure || (own !== null && own[1] !== '');
    if (!upstreams.knows(name) && !given.startsWith('unix:') && !/:\d+$/.test(given))
      return ready(
        undefined,
        `${family}_pass gave "${given}", which is no upstream and has no port`,
        'no_target',
      );
    upstreams.ofRequest(name, ready, { secure: false, dns, timeoutMs: settings.resolverTimeoutMs });
  };
}

const PLAIN = { fastcgi: FASTCGI_TRANSPORT, uwsgi: UWSGI_TRANSPORT, scgi: SCGI_TRANSPORT } as const;

function transportOf(
  family: AppFamily,
  pass: ProxyPass,
  settings: Settings,
  tools: ForwardTools,
): NonNullable<ForwardOptions['transport']> {
  const plain = PLAIN[family];
  const secure = family === 'uwsgi' ? compilePeerTls(pass, settings, tools) : null;
  return secure === null ? () => plain : (x) => (x.proxySecure ? secure(x) : plain);
}

function parametersOf(
  family: AppFamily,
  settings: Settings,
  { lookup }: ForwardTools,
  encode: ParameterOptions['encode'],
): ParameterOptions {
  const own = settings[`${family}Param`].map(({ name, value, ifNotEmpty }) => ({
    name: toBytes(name),
    value: compileTemplate(value, lookup),
    ifNotEmpty,
    silent: value === '' && /^HTTP_./.test(name),
  }));
  const isSet = (field: string): boolean => own.some(({ name }) => name === `HTTP_${field.toUpperCase()}`);
  const traced = traceFields(settings, isSet).map(([field, value]) => ({
    name: `HTTP_${field.toUpperCase()}`,
    value,
    ifNotEmpty: true,
    silent: false,
  }));
  return {
    parameters: [...own, ...traced],
    passFields: settings[`${family}PassRequestHeaders`],
    caches: settings[`${family}Cache`] !== null,
    encode,
  };
}

function compileBack(family: AppFamily, settings: Settings, tools: ForwardTools): Back {
  const bytes = settings[`${family}BufferBytes`] || USUAL_HEAD_BYTES;
  const headLimits: HeadLimits = { maxLine: bytes, maxHead: bytes, maxFields: MAX_FIELDS };
  const parameters = compileParameters(parametersOf(family, settings, tools, ENCODE[family]));
  if (family === 'scgi') return new AppBack({ family, encode: compileScgiRequest(parameters), headLimits });
  if (family === 'fastcgi')
    return new FastcgiBack({
      parameters,
      keepConn: settings.fastcgiKeepConn,
      catchErrors: settings.fastcgiCatchStderr,
      headLimits,
    });
  const encode = compileUwsgiRequest({
    variables: parameters,
    modifier1: settings.uwsgiModifier1,
    modifier2: settings.uwsgiModifier2,
    tail: toBytes(settings.uwsgiString),
  });
  return new AppBack({ family, encode, headLimits });
}

const asLine: ParameterOptions['encode'] = (name, value) => `${name}: ${value}\r\n`;

const ENCODE = { fastcgi: parameter, uwsgi: uwsgiVariable, scgi: scgiHeader } as const;
