// nginx's not_modified filter: an answer whose body is at hand becomes 304 or 412 where the request's conditions say so.
import type { Filter } from '../exchange/exchange.ts';
import { PASS } from '../exchange/slots.ts';
import { checkPreconditions } from './preconditions.ts';

export const NOT_MODIFIED: Filter = {
  slot: 'not_modified',
  head(x, head) {
    const { seek } = head;
    if (seek === null || seek.streamed || head.status !== 200) return PASS;
    const status = checkPreconditions(x.request, seek, seek.ifModifiedSince);
    if (status === 200) return PASS;
    if (status === 412) {
      head.why = 'the file is not the one that the request asks for';
      return 412;
    }
    head.status = 304;
    head.length = -1;
    head.seek = null;
    for (const name of ['content-type', 'content-encoding', 'accept-ranges']) head.remove(name);
    return PASS;
  },
};
