// Variables of the request's body.
import type { Exchange } from '../exchange.ts';
import type { VariableTable } from '../route/template.ts';

/** As the client said it; of a chunked body, its length once it was read. */
function contentLength(x: Exchange): string | undefined {
  const said = x.request.getAll('content-length');
  if (said !== undefined || x.body === null) return said;
  return x.body.complete ? String(x.body.received) : undefined;
}

export const bodyVariables: VariableTable = {
  plain: {
    request_body: (x) => x.body?.text,
    request_body_file: (x) => x.body?.file,
    content_length: contentLength,
  },
  families: {},
};
