// What Internet Explorer gets in the place of a redirect with msie_refresh: a page that leads there by itself (ngx_http_send_refresh).
import { sendPage } from '../answer/whole.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { isMsie } from '../http/user-agent.ts';

/** Whether it was sent: a 200 without a Location. `target` is bytes as latin1. */
export function refreshInstead(exchange: Exchange, target: string): boolean {
  const agent = exchange.request.get('user-agent');
  if (agent === undefined || !isMsie(agent)) return false;
  exchange.status = 200;
  exchange.answerError(200);
  const url = target.replace(
    /[\x00-\x20"'\x7f-\xff]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  sendPage(
    exchange,
    `<html><head><meta http-equiv="Refresh" content="0; URL=${url}"></head><body></body></html>\r\n`,
  );
  return true;
}
