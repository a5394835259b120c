// Content: what ngx_http_stub_status_module says of connections and requests.
import { sendText } from '../../answer/whole.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { population } from '../../shared/population.ts';
import type { Feature } from '../feature.ts';

export const STUB_STATUS: Feature = {
  name: 'stub_status',
  content: ({ settings }) => (settings.stubStatus ? { slot: 'handler', before: () => sendStatus } : null),
};

function sendStatus(x: Exchange): void {
  if (x.method !== 'GET' && x.method !== 'HEAD') {
    x.location.fail(x, 405, `stub_status answers GET and HEAD, not ${x.method}`);
    return;
  }
  const { active, reading, writing, waiting, accepted, handled, requests } = population.now();
  const text =
    `Active connections: ${active} \nserver accepts handled requests\n ${accepted} ${handled} ${requests} \n` +
    `Reading: ${reading} Writing: ${writing} Waiting: ${waiting} \n`;
  sendText(x, 200, text, 'text/plain');
}
