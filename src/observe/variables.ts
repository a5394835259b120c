// Variables that only the end of an exchange knows, or that are the same for every exchange: for logs, and for `return 200`.
import { hostname } from 'node:os';
import { NGINX_VERSION } from '../face/face.ts';
import type { VariableTable } from '../route/template.ts';
import { ownText } from '../shared/buffers.ts';
import { systemClock, timeIso8601, timeLocal } from '../shared/clock.ts';

/** Milliseconds as seconds with three decimals, the way nginx prints times. */
function seconds(ms: number): string {
  return (Math.floor(ms) / 1000).toFixed(3);
}

function threeDigits(n: number): string {
  const text = String(n);
  return n > 99 ? text : text.padStart(3, '0');
}

/** Formats the present time, anew only when the second has changed. */
function oncePerSecond(format: (epochMs: number) => string): () => string {
  let second = -1;
  let text = '';
  return () => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      second = now;
      // Flat: put together it would be written by way of a copy each time.
      text = ownText(format(now * 1000));
    }
    return text;
  };
}

// nginx lower-cases it too (ngx_init_cycle).
const host = hostname().toLowerCase();
const pid = String(process.pid);

export const observeVariables: VariableTable = {
  plain: {
    // An error's status is told even where its page was sent with another one (a 304, a range).
    status: (x) => threeDigits(x.errorStatus === 0 ? x.status : x.errorStatus),
    // As in nginx a subrequest has none of its own.
    body_bytes_sent: (exchange) => (exchange.isSub ? '0' : String(exchange.bodyBytesSent)),
    bytes_sent: (exchange) =>
      exchange.isSub ? '0' : String(exchange.headBytesSent + exchange.bodyBytesSent),
    request_length: ({ isSub, request, bodyBytesReceived, framingBytesReceived }) =>
      isSub ? '0' : String(request.size + bodyBytesReceived + framingBytesReceived),
    request_time: (exchange) => seconds(Math.max(0, systemClock.now() - exchange.startedAt)),
    msec: () => seconds(Date.now()),
    time_local: oncePerSecond(timeLocal),
    time_iso8601: oncePerSecond(timeIso8601),
    pid: () => pid,
    pipe: (exchange) => (exchange.client.pipelined ? 'p' : '.'),
    // Whose behaviour is followed: not this program's version.
    nginx_version: () => NGINX_VERSION,
    hostname: () => host,
  },
  families: {},
};
