// The parameters that an app gets of a request (FastCGI, uwsgi, SCGI): those of the configuration in their order, then the request's fields
// as HTTP_NAME. As ngx_http_fastcgi_create_request makes them, but for `Proxy`, which apps took for a setting of their own (httpoxy).
import type { Exchange } from '../exchange/exchange.ts';
import { HOST, NEVER_PASSED, UNUSUAL_NAME } from '../http/fields.ts';
import type { RequestHead } from '../http/request-head.ts';

export interface Parameter {
  readonly name: string;
  readonly value: (exchange: Exchange) => string;
  /** Not sent where its value is empty. */
  readonly ifNotEmpty: boolean;
  /** It only keeps the request's field back (`fastcgi_param HTTP_PROXY ""`). */
  readonly silent: boolean;
}

/** One parameter in the bytes of a protocol. */
type Encode = (name: string, value: string) => string;

export interface ParameterOptions {
  readonly parameters: readonly Parameter[];
  /** Whether the request's fields go as well. */
  readonly passFields: boolean;
  /** A cache stores answers: the app is asked for the whole of them, whatever the client has already or wants of them. */
  readonly caches: boolean;
  readonly encode: Encode;
}

const FIELD = 'HTTP_';

/** What a cache asks with in the place of the client (ngx_http_fastcgi_cache_headers). */
const OWN: readonly Parameter[] = [
  optional('HTTP_IF_MODIFIED_SINCE', (x) => x.cached?.lastModified ?? ''),
  optional('HTTP_IF_UNMODIFIED_SINCE', () => ''),
  optional('HTTP_IF_NONE_MATCH', (x) => x.cached?.etag ?? ''),
  optional('HTTP_IF_MATCH', () => ''),
  optional('HTTP_RANGE', () => ''),
  optional('HTTP_IF_RANGE', () => ''),
];

function optional(name: string, value: Parameter['value']): Parameter {
  return { name, value, ifNotEmpty: true, silent: false };
}

export function compileParameters(options: ParameterOptions): (exchange: Exchange) => string {
  const plain = writerOf(options.parameters, options);
  if (!options.caches) return plain;
  const given = new Set(options.parameters.map(({ name }) => name));
  const storing = writerOf([...options.parameters, ...OWN.filter(({ name }) => !given.has(name))], options);
  return (x) => (x.cached?.storing === true ? storing(x) : plain(x));
}

function writerOf(
  parameters: readonly Parameter[],
  { passFields, encode }: ParameterOptions,
): (exchange: Exchange) => string {
  const sent = parameters.filter(({ silent }) => !silent);
  const own = parameters.filter(({ name }) => name.length > FIELD.length && name.startsWith(FIELD));
  const replaced: ReadonlySet<string> = new Set(own.map(({ name }) => name.toUpperCase()));
  return (exchange) => {
    let text = '';
    for (const { name, value, ifNotEmpty } of sent) {
      const given = value(exchange);
      if (given !== '' || !ifNotEmpty) text += encode(name, given);
    }
    return passFields ? text + fieldsOf(exchange.request, replaced, encode) : text;
  };
}

/** Each name once; values of several fields are joined. */
function fieldsOf(request: RequestHead, replaced: ReadonlySet<string>, encode: Encode): string {
  const fields = new Map<string, string>();
  for (let i = 0; i < request.count; i++) {
    const id = request.ids[i];
    if (id === NEVER_PASSED || id === UNUSUAL_NAME) continue;
    const name = FIELD + request.name(i).toUpperCase().replaceAll('-', '_');
    if (replaced.has(name)) continue;
    const before = fields.get(name);
    // A target with a host of its own says what the host is (RFC 9112 §3.2.2).
    const value = id === HOST ? request.host : request.value(i);
    fields.set(name, before === undefined ? value : before + (name === 'HTTP_COOKIE' ? '; ' : ', ') + value);
  }
  let text = '';
  for (const [name, value] of fields) text += encode(name, value);
  return text;
}
