// What becomes of a head that is none: an exchange that ends its connection, and a page that says why and, as the configuration names it,
// over which limit.
import { type Client, Exchange } from '../exchange/exchange.ts';
import { hostOfRefused, type RequestHead, statusOfProblem } from '../http/request-head.ts';
import { normaliseUri } from '../route/uri.ts';
import { systemClock } from '../shared/clock.ts';
import type { Front } from './front.ts';

/** Of the server whose Host the head told before, else of the client's entry. */
export function exchangeOfRefused(client: Client, request: RequestHead, front: Front): Exchange {
  const host = hostOfRefused(request);
  request.reset();
  const server = host === '' ? client.entry : front.serverFor(host, client);
  const exchange = new Exchange(client, request, server, systemClock.now());
  exchange.closeAfter = true;
  exchange.failure = 'client_head_malformed';
  // A request line that could be read is known, as in nginx.
  const read = request.path === '' ? null : normaliseUri(request.path, exchange.location.client.mergeSlashes);
  if (read === null) return exchange;
  exchange.uri = read.uri;
  exchange.args = read.args;
  exchange.hasArgs = read.hasArgs;
  return exchange;
}

export function refuse(exchange: Exchange, front: Front): void {
  exchange.server.refused?.(exchange);
  const { problem } = exchange.request;
  const detail = `the request is not valid HTTP: ${problem}${limitOf(problem, front)}`;
  exchange.location.fail(exchange, statusOfProblem(problem), detail);
}

function limitOf(problem: RequestHead['problem'], { headLimits, headTimeoutMs }: Front): string {
  switch (problem) {
    case 'request line too long':
    case 'field line too long':
      return ` (large_client_header_buffers: lines of ${headLimits.maxLine} bytes)`;
    case 'head too large':
      return ` (large_client_header_buffers: ${headLimits.maxHead} bytes in all)`;
    case 'too many fields':
      return ` (max_headers ${headLimits.maxFields})`;
    case 'head not complete in time':
      return ` (client_header_timeout ${headTimeoutMs} ms)`;
    default:
      return '';
  }
}
