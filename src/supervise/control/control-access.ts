// Who may talk to a control server: its password (as Supervisor writes it), and no web page of somebody else. A page in a browser on this
// machine can send requests to loopback too, so what a browser says of where a request comes from is looked at.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { ControlServerPlan } from '../plan.ts';

export interface Refusal {
  readonly status: 400 | 401 | 403;
  readonly text: string;
}

/** Why the request is refused, or undefined. */
export function refusalOf(plan: ControlServerPlan, { headers }: IncomingMessage): Refusal | undefined {
  const { host, origin } = headers;
  if (origin !== undefined && hostOfOrigin(origin) !== host?.toLowerCase())
    return { status: 403, text: `the page of ${origin} may not send requests here` };
  if (plan.login !== null) return refusalOfLogin(plan.login, headers.authorization);
  if (plan.address.kind === 'tcp' && host !== undefined && !isOwnHost(host, plan.address.host)) {
    const text = `without a password the name in Host has to be an address, localhost or the name of this machine, not "${host}"`;
    return { status: 403, text };
  }
  return undefined;
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** A name that somebody else can have point to this machine (DNS rebinding) is none of its own. */
function isOwnHost(host: string, listenedOn: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  const machine = hostname().toLowerCase();
  return (
    isIP(name) !== 0 || [listenedOn.toLowerCase(), 'localhost', machine, machine.split('.')[0]].includes(name)
  );
}

function refusalOfLogin(
  login: { readonly user: string; readonly password: string },
  header: string | undefined,
): Refusal | undefined {
  const [, scheme, cookie] = /^(\S+)\s+(.*)$/.exec(header ?? '') ?? [];
  const wrong: Refusal = { status: 401, text: 'user and password are needed' };
  if (scheme?.toLowerCase() !== 'basic') return wrong;
  const given = Buffer.from(cookie, 'base64').toString('utf8');
  const colon = given.indexOf(':');
  if (colon < 0) return { status: 400, text: 'the header Authorization cannot be read' };
  const sameUser = isSame(given.slice(0, colon), login.user);
  const samePassword = isPassword(given.slice(colon + 1), login.password);
  return sameUser && samePassword ? undefined : wrong;
}

/** `{SHA}` and the hexadecimal SHA-1 of the password, or the password. */
function isPassword(given: string, stored: string): boolean {
  if (!stored.startsWith('{SHA}')) return isSame(given, stored);
  return isSame(createHash('sha1').update(given).digest('hex'), stored.slice(5));
}

/** Takes as long for any wrong text. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
