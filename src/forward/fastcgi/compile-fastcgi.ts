// From the FastCGI settings of a location to its forward handler.

import { compileParameters } from '../../back/fastcgi/parameters.ts';
import { FASTCGI_TRANSPORT, FastcgiBack } from '../../back/fastcgi.ts';
import type { Settings } from '../../config/model.ts';
import type { Exchange, Handler } from '../../exchange.ts';
import { MAX_FIELDS } from '../../http/fields.ts';
import { compileTemplate, constantOf, toBytes, type VariableLookup } from '../../route/template.ts';
import { dnsClientOf } from '../../upstream/dns/dns-client.ts';
import { bound } from '../bind.ts';
import { USUAL_HEAD_BYTES } from '../buffering/rows.ts';
import { familyOptions } from '../family/family-options.ts';
import { createTaking } from '../family/taking.ts';
import type { FindUpstream, ForwardOptions } from '../forward-options.ts';
import type { ForwardTools } from '../forward-tools.ts';
import { compileResponseHead, hiddenOf } from '../response-head.ts';
import type { ProxyPass } from '../rows.ts';

export const FASTCGI_SCHEME = 'fastcgi://';

export function compileFastcgi(pass: ProxyPass, settings: Settings, tools: ForwardTools): Handler {
  const address = pass.url.slice(FASTCGI_SCHEME.length);
  const authority = constantOf(address) ?? '';
  const options: ForwardOptions = {
    ...familyOptions('fastcgi', settings, authority, tools),
    upstream: authority === '' ? byRequest(address, settings, tools) : tools.upstreams.of(authority, pass.at),
    authority,
    secure: false,
    transport: bound(settings.fastcgiBind, () => FASTCGI_TRANSPORT, tools),
    back: compileBack(settings, tools.lookup),
    takeHead: compileResponseHead({
      hidden: hiddenOf('fastcgi', settings.fastcgiForceRanges),
      hide: settings.fastcgiHideHeader,
      pass: settings.fastcgiPassHeader,
      redirects: [],
      cookie: null,
      absolute: tools.absolute,
    }),
    needsLength: false,
  };
  // There is no usual key: the configuration was refused without one.
  const target = { family: 'fastcgi', key: (x: Exchange) => x.uri, nameTarget() {} } as const;
  return createTaking(options, settings, target, tools);
}

/** An address with variables, looked up when a request comes. */
function byRequest(address: string, settings: Settings, { lookup, upstreams }: ForwardTools): FindUpstream {
  const dns = settings.resolver === null ? null : dnsClientOf(settings.resolver);
  const template = compileTemplate(address, lookup);
  return (x, ready) => {
    const given = template(x);
    if (!/^(?:unix:\/[^\0-\x20]+|[A-Za-z0-9._[\]:%-]+)$/.test(given))
      return ready(undefined, `fastcgi_pass gave no valid address ("${given}")`);
    x.proxyHost = given;
    x.proxySecure = false;
    if (!upstreams.knows(given) && !given.startsWith('unix:') && !/:\d+$/.test(given))
      return ready(undefined, `fastcgi_pass gave "${given}", which is no upstream and has no port`);
    upstreams.ofRequest(given, ready, { secure: false, dns, timeoutMs: settings.resolverTimeoutMs });
  };
}

function compileBack(settings: Settings, lookup: VariableLookup): FastcgiBack {
  const bytes = settings.fastcgiBufferBytes || USUAL_HEAD_BYTES;
  const parameters = settings.fastcgiParam.map(({ name, value, ifNotEmpty }) => ({
    name: toBytes(name),
    value: compileTemplate(value, lookup),
    ifNotEmpty,
    silent: value === '' && /^HTTP_./.test(name),
  }));
  return new FastcgiBack({
    parameters: compileParameters(parameters, settings.fastcgiPassRequestHeaders),
    keepConn: settings.fastcgiKeepConn,
    catchErrors: settings.fastcgiCatchStderr,
    headLimits: { maxLine: bytes, maxHead: bytes, maxFields: MAX_FIELDS },
  });
}
