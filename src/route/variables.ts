// Variables that the request and its connection give.
import type { Exchange } from '../exchange/exchange.ts';
import { readCredentials } from '../http/basic-credentials.ts';
import { wheel } from '../shared/timer-wheel.ts';
import { answerVariables, sentField } from './answer-variables.ts';
import { binaryAddress } from './binary-address.ts';
import { bareName } from './hosts.ts';
import type { Getter, VariableTable } from './template.ts';

const field =
  (name: string): Getter =>
  (x) =>
    x.request.getLoosely(name);

/** Of a Host field or an absolute target; '' without. */
function portOf(host: string): string {
  const port = Number(/:(\d+)$/.exec(host)?.[1] ?? 0);
  return port === 0 ? '' : String(port);
}

/** `$host`: the name of the Host field or absolute target, else the server's own name. */
function host(x: Exchange): string {
  return x.request.host === '' ? x.server.name : bareName(x.request.host);
}

function args(x: Exchange): string | undefined {
  return x.args === '' && !x.hasArgs ? undefined : x.args;
}

/** Of a request that could not be read the rest is not known either. */
const ofRequest =
  (value: Getter): Getter =>
  (x) =>
    x.request.method === '' ? undefined : value(x);

/** A value that is long, and that most logs have. */
function inPieces(pieces: readonly [Getter, ...Getter[]]): Getter {
  const [first, ...others] = pieces;
  const whole: Getter = (x) => {
    let value = first(x);
    if (value !== undefined) for (const piece of others) value += piece(x) ?? '';
    return value;
  };
  return Object.assign(whole, { pieces });
}

/** An error page has its own, also where the request had none that could be read. */
function uri(x: Exchange): string | undefined {
  return x.uri === '' && x.request.method === '' ? undefined : x.uri;
}

/** The first argument of this name, as it came (not decoded), as nginx gives it. */
function argument(name: string): Getter {
  const wanted = name.toLowerCase();
  return (x) => {
    if (x.args === '') return undefined;
    for (const pair of x.args.split('&')) {
      const equals = pair.indexOf('=');
      if (equals >= 0 && pair.slice(0, equals).toLowerCase() === wanted) return pair.slice(equals + 1);
    }
    return undefined;
  };
}

/** The first cookie of this name, which has no case in nginx (ngx_http_parse_multi_header_lines); a comma ends a part, but no value. */
function cookie(name: string): Getter {
  const wanted = name.toLowerCase();
  return (x) => {
    const text = x.request.getAll('cookie');
    if (text === undefined) return undefined;
    for (let p = 0; p < text.length; ) {
      const found =
        text.slice(p, p + wanted.length).toLowerCase() === wanted
          ? /^ *= *([^;]*)/.exec(text.slice(p + wanted.length))
          : null;
      if (found !== null) return found[1];
      while (p < text.length && text[p] !== ';' && text[p] !== ',') p++;
      p++;
      while (text[p] === ' ') p++;
    }
    return undefined;
  };
}

/** Of Basic credentials that have both a name and a password. */
function remoteUser(x: Exchange): string | undefined {
  return readCredentials(x.request.get('authorization'))?.user;
}

const capture =
  (n: number): Getter =>
  (x) =>
    x.captures?.[n];

export const routeVariables: VariableTable = {
  plain: {
    host,
    http_host: (x) => (x.request.host === '' ? x.request.get('host') : x.request.host),
    remote_addr: (x) => x.remoteAddress,
    binary_remote_addr: (x) => binaryAddress(x.remoteAddress),
    remote_port: (x) => (x.remotePort > 0 ? String(x.remotePort) : ''),
    remote_user: remoteUser,
    scheme: (x) => (x.client.secure ? 'https' : 'http'),
    https: (x) => (x.client.secure ? 'on' : ''),
    // Clients speak neither here.
    http2: () => '',
    http3: () => '',
    request_uri: ofRequest((x) => (x.uriRefused ? undefined : x.request.path)),
    uri,
    document_uri: uri,
    args,
    query_string: args,
    is_args: (x) => (x.args === '' ? '' : '?'),
    request_method: (x) => (x.main.method === '' ? undefined : x.main.method),
    request: inPieces([
      (x) =>
        x.request.method === 'GET' ? 'GET ' : x.request.method === '' ? undefined : `${x.request.method} `,
      (x) => (x.request.method === '' ? '' : x.request.target),
      (x) => (x.request.method === '' ? '' : x.request.minor === 1 ? ' HTTP/1.1' : ' HTTP/1.0'),
    ]),
    server_protocol: ofRequest((x) => `HTTP/1.${x.request.minor}`),
    server_name: (x) => x.server.name,
    // A Unix socket has none.
    server_port: ({ client: { localPort } }) => (localPort === 0 ? '' : String(localPort)),
    server_addr: (x) => x.client.localAddress,
    // Of a subrequest, too: nginx keeps one value for all.
    request_id: (x) => x.main.id,
    connection: (x) => String(x.client.id),
    connection_time: (x) => ((wheel.nowMs - x.client.acceptedAtMs) / 1000).toFixed(3),
    request_port: ofRequest((x) => portOf(x.request.host)),
    is_request_port: ofRequest((x) => (portOf(x.request.host) === '' ? '' : ':')),
    connection_requests: (x) => String(x.client.requests),
    content_type: field('content-type'),
    ...answerVariables,
    0: capture(0),
    1: capture(1),
    2: capture(2),
    3: capture(3),
    4: capture(4),
    5: capture(5),
    6: capture(6),
    7: capture(7),
    8: capture(8),
    9: capture(9),
  },
  families: {
    http_: (rest) => field(rest.replaceAll('_', '-').toLowerCase()),
    arg_: argument,
    cookie_: cookie,
    sent_http_: sentField,
  },
};
