// Error pages in nginx's shape, and what ends the client's connection with them.

import { clearAnswer, sendBody, sendInstead, sendPage } from '../answer/whole.ts';
import type { Exchange, Fail } from '../exchange/exchange.ts';
import { reasonOf } from '../http/status.ts';
import { isChrome, isMsie } from '../http/user-agent.ts';
import { toBytes } from '../route/template.ts';
import { detailPage } from './detail-page.ts';
import { detailJson, detailLine, detailOf, formFor } from './error-detail.ts';
import type { ErrorRules } from './error-rules.ts';
import { escapeHtml } from './escape-html.ts';

export interface ErrorPageOptions {
  /** Signs the page: the value of the Server field. */
  readonly serverName: string;
  /** Whether pages show `detail`, and all else that is known. */
  readonly errorDetail: boolean;
  /** `file:line:column` of the level, for such pages. */
  readonly at?: string;
  /** Hears of every page that has a detail; null where whoever fails has told of it. */
  readonly report: ((exchange: Exchange, status: number, detail: string) => void) | null;
  /** Pages of errors are made longer for browsers that show their own in the place of short ones. */
  readonly padding?: boolean;
  /** Other answers than our pages; null = none. */
  readonly rules: ErrorRules | null;
}

/** nginx's own codes: they are sent as 400. */
const VARIANTS_OF_400: Readonly<Record<number, string>> = {
  494: 'Request Header Or Cookie Too Large',
  495: 'The SSL certificate error',
  496: 'No required SSL certificate was sent',
  497: 'The plain HTTP request was sent to HTTPS port',
};

/**
 * After these the connection ends, as in ngx_http_special_response_handler; and after 408, 431, 494, 505, where what follows on the
 * connection cannot be trusted.
 */
const CLOSING: ReadonlySet<number> = new Set([400, 408, 413, 414, 431, 494, 495, 496, 497, 500, 501, 505]);

/** nginx's word for an end without an answer (ngx_http_finalize_request), which no error_page replaces. */
const CLOSE = 444;

/** Where nginx's page says something else than its status line. */
const TITLES: Readonly<Record<number, string>> = { 302: 'Found', 401: 'Authorization Required' };

export function createFail(options: ErrorPageOptions): Fail {
  const pages = new Map<number, string>();
  const { rules } = options;
  return (exchange, status, detail, lines = '') => {
    if (sendInstead(exchange)) return;
    clearAnswer(exchange);
    if (status === CLOSE) {
      exchange.status = status;
      return exchange.hangUp();
    }
    exchange.keepCarried();
    exchange.status = VARIANTS_OF_400[status] === undefined ? status : 400;
    if (detail !== '') options.report?.(exchange, exchange.status, detail);
    if (CLOSING.has(status)) exchange.closeAfter = true;
    exchange.answerError(exchange.status);
    exchange.keptLines += lines;
    if (rules?.answer(exchange, status) === true) return;
    if (options.errorDetail && status >= 400 && !exchange.isSub)
      return sendDetail(exchange, options, status, detail);
    let page = pages.get(status);
    if (page === undefined) {
      page = errorPage(status, options.serverName, '');
      pages.set(status, page);
    }
    if (options.errorDetail && detail !== '' && page !== '')
      page = errorPage(status, options.serverName, detail);
    if (options.padding === true && status >= 400 && page !== '' && wantsLong(exchange)) page += PADDING;
    sendPage(exchange, page);
  };
}

const PADDING = '<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n'.repeat(6);

function wantsLong({ request }: Exchange): boolean {
  const agent = request.get('user-agent');
  return agent !== undefined && (isMsie(agent) || isChrome(agent));
}

const DETAIL_LINES = 'Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n';

function sendDetail(
  exchange: Exchange,
  { serverName, at = '' }: ErrorPageOptions,
  asked: number,
  detail: string,
): void {
  const reason = VARIANTS_OF_400[asked] ?? TITLES[asked] ?? reasonOf(asked);
  const known = detailOf(exchange, { asked, reason, detail, at });
  switch (formFor(exchange.request)) {
    case 'html':
      return sendPage(exchange, detailPage(known, serverName), `Content-Type: text/html\r\n${DETAIL_LINES}`);
    case 'json':
      return sendPage(exchange, detailJson(known), `Content-Type: application/json\r\n${DETAIL_LINES}`);
    case 'text': {
      const type = 'Content-Type: text/plain; charset=utf-8\r\n';
      return sendPage(exchange, toBytes(detailLine(known)), type + DETAIL_LINES);
    }
  }
}

/** The page of a status, ASCII; '' for a status without a reason phrase, as in nginx. */
export function errorPage(status: number, serverName: string, detail: string): string {
  const variant = VARIANTS_OF_400[status];
  const reason = TITLES[status] ?? reasonOf(status);
  if (variant === undefined && reason === '') return '';
  const heading = variant === undefined ? `${status} ${reason}` : '400 Bad Request';
  const title = variant === undefined ? heading : `400 ${variant}`;
  const more = variant === undefined ? '' : `<center>${variant}</center>\r\n`;
  return page(`<title>${title}</title>`, heading, more + paragraphs(detail), serverName);
}

function page(head: string, heading: string, more: string, serverName: string): string {
  return (
    `<html>\r\n<head>${head}</head>\r\n<body>\r\n<center><h1>${heading}</h1></center>\r\n${more}` +
    `<hr><center>${escapeHtml(serverName)}</center>\r\n</body>\r\n</html>\r\n`
  );
}

/** A sentence, and whatever lines stand behind it as they are. */
function paragraphs(detail: string): string {
  if (detail === '') return '';
  const [sentence, ...lines] = detail.split('\n');
  const quoted = lines.length === 0 ? '' : `<pre>${lines.map(escapeHtml).join('\r\n')}</pre>\r\n`;
  return `<p><center>${escapeHtml(sentence)}</center></p>\r\n${quoted}`;
}

/** Answers with a page that a browser loads anew each second, until what it says is over; its first line is for everybody. */
export function createWaitPage(
  options: Pick<ErrorPageOptions, 'serverName' | 'errorDetail'>,
): (exchange: Exchange, what: string) => void {
  return (exchange, what) => {
    clearAnswer(exchange);
    const [sentence] = what.split('\n', 1);
    const head = '<meta http-equiv="refresh" content="1"><title>Starting</title>';
    exchange.answerError(503);
    exchange.lines = WAIT_LINES;
    sendBody(
      exchange,
      page(head, 'Starting', paragraphs(options.errorDetail ? what : sentence), options.serverName),
    );
  };
}

const WAIT_LINES = 'Content-Type: text/html\r\nRetry-After: 1\r\nCache-Control: no-store\r\n';
