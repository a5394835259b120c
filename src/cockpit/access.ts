// Who may use the live view: whoever has the token, from a page of its own. Any page in a browser on this machine can send requests to
// loopback, and a name of somebody else can be made to lead there, so Host and Origin are looked at before the token.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Refusal {
  readonly status: 401 | 403;
  readonly text: string;
}

const OWN_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Why this request is answered to nobody, with or without a token; null where it may be. */
export function refusalOfOrigin({ headers, socket }: IncomingMessage): Refusal | null {
  const { host = '', origin } = headers;
  const [, name = '', port = '80'] = /^(.*?)(?::(\d+))?$/.exec(host.toLowerCase()) ?? [];
  const isOwn = OWN_NAMES.has(name) || name === socket.localAddress;
  if (!isOwn || Number(port) !== socket.localPort)
    return { status: 403, text: `Host "${host}" is not where this page is served` };
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    return { status: 403, text: `the page of ${origin} may not send requests here` };
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return { status: 403, text: 'another site may not send requests here' };
  return null;
}

/** `Authorization: Bearer TOKEN`: no browser sends it by itself. */
export function refusalOfToken({ headers }: IncomingMessage, token: string): Refusal | null {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (given !== '' && isSame(given, token)) return null;
  return {
    status: 401,
    text: 'the token is missing or wrong: open the address that lbproxy printed when it started',
  };
}

/** Takes as long for any wrong text. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
