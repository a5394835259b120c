// Variables that the answer gives: its fields, those too that only its framing makes.
import type { Exchange } from '../exchange/exchange.ts';
import type { Getter } from './template.ts';

/** All lines of a field of the answer, in their order; a name in lower case. */
function linesOf(x: Exchange, name: string): string[] {
  const wanted = `${name}:`;
  const values: string[] = [];
  for (const line of x.lines.split('\r\n'))
    if (line.slice(0, wanted.length).toLowerCase() === wanted)
      values.push(line.slice(line[wanted.length] === ' ' ? wanted.length + 1 : wanted.length));
  return values;
}

/** nginx joins the lines of these; of all others the first one counts. */
const JOINED: ReadonlySet<string> = new Set(['cache-control', 'link']);

/** A field of the answer as it stands in its lines. */
export function sentField(rest: string): Getter {
  const name = rest.replaceAll('_', '-').toLowerCase();
  if (JOINED.has(name)) return (x) => linesOf(x, name).join(', ') || undefined;
  return (x) => linesOf(x, name)[0];
}

const WITH_TIME: ReadonlySet<number> = new Set([200, 206, 304]);

/** nginx forgets it while it writes the head of any other answer. */
function lastModified(x: Exchange): string | undefined {
  return x.headSent && !WITH_TIME.has(x.status) ? undefined : linesOf(x, 'last-modified')[0];
}

const BODYLESS: ReadonlySet<number> = new Set([101, 204, 304]);

function contentLength(x: Exchange): string | undefined {
  if (x.length < 0 || (BODYLESS.has(x.status) && x.length === 0)) return undefined;
  return String(x.length);
}

function transferEncoding(x: Exchange): string | undefined {
  const { headSent, length, status, method, request, location } = x;
  const isChunked = headSent && length < 0 && !BODYLESS.has(status) && method !== 'HEAD';
  return isChunked && request.minor === 1 && location.client.chunkedAllowed ? 'chunked' : undefined;
}

/** Logs say that it closes, whatever happens: nginx has ended with the request by then. */
function closes({ ended, headSent, closeAfter, request, location }: Exchange): boolean {
  if (ended) return true;
  if (headSent || closeAfter) return closeAfter;
  return (
    (request.minor === 1 ? request.close : !request.keepAlive) || location.client.keepaliveTimeoutMs <= 0
  );
}

function keepAlive(x: Exchange): string | undefined {
  const seconds = x.location.client.keepaliveHeaderSeconds;
  return seconds > 0 && !closes(x) ? `timeout=${seconds}` : undefined;
}

const UNFINISHED: ReadonlySet<string | null> = new Set([
  'client_aborted',
  'client_send_timeout',
  'client_body_timeout',
]);

/** Whether the client was there to the end, for logs: also of an answer that its peer cut short. */
function completion({ ended, failure, status, isSub }: Exchange): string {
  return ended && !isSub && status !== 444 && !UNFINISHED.has(failure) ? 'OK' : '';
}

/** Those that are no lines to nginx either. */
export const answerVariables: Readonly<Record<string, Getter>> = {
  request_completion: completion,
  sent_http_content_length: contentLength,
  sent_http_transfer_encoding: transferEncoding,
  sent_http_connection: (x) => (x.status === 101 ? 'upgrade' : closes(x) ? 'close' : 'keep-alive'),
  sent_http_keep_alive: keepAlive,
  sent_http_last_modified: lastModified,
};
