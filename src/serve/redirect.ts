// Redirects made here: the Location field by nginx's rules, and the short page under it.

import { clearAnswer, sendInstead, sendPage } from '../answer/whole.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { errorPage } from './error-page.ts';
import { type ErrorRules, LOCATION } from './error-rules.ts';
import { refreshInstead } from './msie-refresh.ts';

export interface RedirectOptions {
  /** Signs the page: the value of the Server field. */
  readonly serverName: string;
  readonly absoluteRedirect: boolean;
  readonly portInRedirect: boolean;
  readonly serverNameInRedirect: boolean;
}

export interface SendRedirectOptions extends RedirectOptions {
  /** To Internet Explorer a page goes that leads there by itself. */
  readonly msieRefresh?: boolean;
  /** error_page may stand for a redirect, too; null = it does not. */
  readonly rules: ErrorRules | null;
}

/**
 * Answers 301, 302, 303, 307 or 308. `location` is bytes as latin1: a path is made absolute (absolute_redirect), anything else
 * is sent as it is, except that control characters are percent-encoded: a variable must not end the field.
 */
export type SendRedirect = (exchange: Exchange, status: number, location: string) => void;

export function createSendRedirect(options: SendRedirectOptions): SendRedirect {
  const pages = new Map<number, string>();
  return (exchange, status, location) => {
    if (sendInstead(exchange, status)) return;
    clearAnswer(exchange);
    exchange.keepCarried();
    exchange.status = status;
    let page = pages.get(status);
    if (page === undefined) {
      page = errorPage(status, options.serverName, '');
      pages.set(status, page);
    }
    const field = `Location: ${locationValue(exchange, location, options)}\r\n`;
    exchange.answerError(status);
    exchange.keptLines = exchange.keptLines.replace(LOCATION, '') + field;
    if (options.rules?.answer(exchange, status) === true) return;
    if (options.msieRefresh === true && (status === 301 || status === 302)) {
      const { keptLines } = exchange;
      exchange.keptLines = keptLines.replace(LOCATION, '');
      if (refreshInstead(exchange, location)) return;
      exchange.keptLines = keptLines;
    }
    sendPage(exchange, page);
  };
}

/** The value of Location for a target: absolute when it is a path and absolute_redirect is on; never with control characters. */
export function locationValue(exchange: Exchange, target: string, options: RedirectOptions): string {
  const safe = target.replace(/[\x00-\x1f\x7f]/g, percent);
  if (!options.absoluteRedirect || !safe.startsWith('/')) return safe;
  const { secure, localPort } = exchange.client;
  const isDefaultPort = localPort === 0 || localPort === (secure ? 443 : 80);
  const port = options.portInRedirect && !isDefaultPort ? `:${localPort}` : '';
  return `${secure ? 'https' : 'http'}://${hostOf(exchange, options)}${port}${safe}`;
}

/** The host of the request without its port, in lower case; without one the address that the client came to. */
function hostOf(exchange: Exchange, options: RedirectOptions): string {
  if (options.serverNameInRedirect && exchange.server.name !== '') return exchange.server.name;
  const host = exchange.request.host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
  if (host !== '') return host;
  const address = exchange.client.localAddress.replace(/^::ffff:(?=\d+\.)/i, '');
  return address.includes(':') && !address.startsWith('unix:') ? `[${address}]` : address;
}

/** What a URI may not hold as it stands (RFC 3986), `%` and `?` and `#` included: the input is a decoded path. */
const NOT_IN_PATH = /[\x00-\x20"#%<>?\\^`{|}\x7f-\xff]/g;

/** Encodes a decoded path (bytes as latin1) for a Location. */
export function escapePath(path: string): string {
  return path.replace(NOT_IN_PATH, percent);
}

function percent(c: string): string {
  return `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
