// Which fields of unusual names are taken of a request, once its server is known.
import type { ServerRuntime } from '../exchange/exchange.ts';
import type { RequestHead } from '../http/request-head.ts';

/** As in nginx what stands before Host is read by the rules of the server that holds until then. */
export function settleNames(request: RequestHead, entry: ServerRuntime, server: ServerRuntime): void {
  const host = request.target === request.path ? request.find('host') : 0;
  const split = host < 0 ? request.count : host;
  request.takeUnusual(0, split, entry.root.client.unusualNames);
  request.takeUnusual(split, request.count, server.root.client.unusualNames);
}
