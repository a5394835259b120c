// Content: the numbers of all acceptors, as Prometheus reads them. The primary has them; this process asks it.
import { sendText } from '../../answer/whole.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { exposition } from '../../shared/exposition.ts';
import type { Feature } from '../feature.ts';

export const METRICS: Feature = {
  name: 'metrics',
  content: ({ settings }) => (settings.metrics ? { slot: 'handler', before: () => sendMetrics } : null),
};

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Named with no weight of zero. What it is weighed against tells nothing: who names it can read it, and it says more. */
const TAKES_OPEN_METRICS =
  /(?:^|,)[ \t]*application\/openmetrics-text[ \t]*(?![^,]*;[ \t]*q=0(?:\.0*)?[ \t]*(?:[,;]|$))/i;

function sendMetrics(x: Exchange): void {
  if (x.method !== 'GET' && x.method !== 'HEAD') {
    x.location.fail(x, 405, `metrics answers GET and HEAD, not ${x.method}`);
    return;
  }
  const openMetrics = TAKES_OPEN_METRICS.test(x.request.get('accept') ?? '');
  const { ask } = exposition;
  if (ask === null) return noNumbers(x);
  const ticket = x.wait(NOBODY);
  ask(openMetrics, (text) => {
    if (!x.isCurrent(ticket)) return;
    x.setMaker(null);
    if (text === null) return noNumbers(x);
    sendText(x, 200, Buffer.from(text).latin1Slice(), openMetrics ? OPEN_METRICS : TEXT);
  });
}

function noNumbers(x: Exchange): void {
  x.location.fail(x, 503, 'the numbers of all acceptors cannot be had now: ask again');
}

/** A client that leaves is noticed when the text is there. */
const NOBODY = { survivesHalfClose: true, onDrain() {}, onGone() {} };
