// Variables of the request's body.
import type { Exchange } from '../exchange/exchange.ts';
import type { VariableTable } from '../route/template.ts';

/** As the client said it; of a chunked body, its length once it was read: 0 where an answer was made without it, unless it is none. */
function contentLength(x: Exchange): string | undefined {
  const said = x.request.getAll('content-length');
  if (said !== undefined) return said;
  if (x.body === null) {
    if (x.status === 0 || x.attempts.length > 0 || !x.request.chunked) return undefined;
    return x.failure === 'client_body_malformed' || x.client.bodyIsBroken ? undefined : '0';
  }
  if (x.body.complete) return String(x.body.received);
  return x.failure === 'client_body_too_large' ? '0' : undefined;
}

export const bodyVariables: VariableTable = {
  plain: {
    request_body: (x) => x.body?.text,
    request_body_file: (x) => x.body?.file,
    content_length: contentLength,
  },
  families: {},
};
