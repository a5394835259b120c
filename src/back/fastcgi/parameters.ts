// The parameters that a FastCGI app gets of a request: those of fastcgi_param in their order, then the request's fields as HTTP_NAME.
// As ngx_http_fastcgi_create_request makes them, but for `Proxy`, which apps took for a setting of their own (httpoxy).
import type { Exchange } from '../../exchange.ts';
import { HOST, NEVER_PASSED, UNUSUAL_NAME } from '../../http/fields.ts';
import type { RequestHead } from '../../http/request-head.ts';
import { parameter } from './records.ts';

export interface Parameter {
  readonly name: string;
  readonly value: (exchange: Exchange) => string;
  /** Not sent where its value is empty. */
  readonly ifNotEmpty: boolean;
  /** It only keeps the request's field back (`fastcgi_param HTTP_PROXY ""`). */
  readonly silent: boolean;
}

const FIELD = 'HTTP_';

export function compileParameters(
  parameters: readonly Parameter[],
  passFields: boolean,
): (exchange: Exchange) => string {
  const sent = parameters.filter(({ silent }) => !silent);
  const own = parameters.filter(({ name }) => name.length > FIELD.length && name.startsWith(FIELD));
  const replaced: ReadonlySet<string> = new Set(own.map(({ name }) => name.toUpperCase()));
  return (exchange) => {
    let text = '';
    for (const { name, value, ifNotEmpty } of sent) {
      const given = value(exchange);
      if (given !== '' || !ifNotEmpty) text += parameter(name, given);
    }
    return passFields ? text + fieldsOf(exchange.request, replaced) : text;
  };
}

/** Each name once; values of several fields are joined. */
function fieldsOf(request: RequestHead, replaced: ReadonlySet<string>): string {
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
  for (const [name, value] of fields) text += parameter(name, value);
  return text;
}
