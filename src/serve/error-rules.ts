// nginx's error_page: which other answer takes the place of a status. A URI or a named location of the same server answers, or the
// client is sent elsewhere (ngx_http_send_error_page).

import { sendPage } from '../answer/whole.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import { goTo } from './internal-target.ts';
import { refreshInstead } from './msie-refresh.ts';
import type { ErrorPage } from './rows.ts';

/** As many internal redirects as a request may make; after them errors are answered here. */
const MAX_REDIRECTS = 10;

/** Sent as 400, whatever they are called inside. */
const VARIANTS_OF_400: ReadonlySet<number> = new Set([494, 495, 496, 497]);

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

interface Rule {
  /** The status of the answer; 0 = its maker's own, -1 = that of the error. */
  readonly status: number;
  readonly target: (exchange: Exchange) => string;
}

export interface ErrorRulesOptions {
  readonly pages: readonly ErrorPage[];
  /** An error of an error page has error pages, too. */
  readonly recursive: boolean;
  readonly lookup: VariableLookup;
  /** Our page of a status, as the body of a redirect. */
  readonly page: (status: number) => string;
  /** nginx's msie_refresh. */
  readonly msieRefresh?: boolean;
}

export class ErrorRules {
  readonly #rules = new Map<number, Rule>();
  readonly #recursive: boolean;
  readonly #page: (status: number) => string;
  readonly #msieRefresh: boolean;

  constructor({ pages, recursive, lookup, page, msieRefresh = false }: ErrorRulesOptions) {
    for (const { codes, response, target: text } of pages) {
      const target = compileTemplate(text, lookup);
      // The first one of a status holds.
      for (const code of codes) {
        const status = response < 0 && VARIANTS_OF_400.has(code) ? 400 : response;
        if (!this.#rules.has(code)) this.#rules.set(code, { status, target });
      }
    }
    this.#recursive = recursive;
    this.#page = page;
    this.#msieRefresh = msieRefresh;
  }

  /** Whether an answer of this status would be replaced: proxy_intercept_errors asks. */
  has(status: number): boolean {
    return this.#rules.has(status);
  }

  /** Answers in the place of a status; false = there is no rule for it. */
  answer(exchange: Exchange, status: number): boolean {
    if (exchange.inErrorPage || exchange.redirects > MAX_REDIRECTS) return false;
    if (!this.#recursive) exchange.inErrorPage = true;
    const rule = this.#rules.get(status);
    if (rule === undefined) return false;
    if (rule.status >= 0) exchange.answerError(rule.status);
    // With = alone nobody knows yet which it will be: $status is 000 in the target.
    if (rule.status === 0) exchange.status = 0;
    const target = rule.target(exchange);
    if (target.startsWith('/')) {
      if (exchange.method !== 'HEAD') exchange.method = 'GET';
      goTo(exchange, target);
    } else if (target.startsWith('@')) {
      goTo(exchange, target);
    } else {
      this.#redirect(exchange, rule.status, target);
    }
    return true;
  }

  /** The redirect that the error itself may have been does not stand beside this one. */
  #redirect(exchange: Exchange, response: number, location: string): void {
    const status = REDIRECTS.has(response) ? response : 302;
    const safe = location.replace(/[\r\n\0]/g, '');
    exchange.keptLines = exchange.keptLines.replace(LOCATION, '');
    if (this.#msieRefresh && refreshInstead(exchange, location)) return;
    exchange.keptLines += `Location: ${safe}\r\n`;
    exchange.answerError(status);
    sendPage(exchange, this.#page(status));
  }
}

/** A Location among kept lines: a later one takes its place. */
export const LOCATION = /^location:.*\r\n/gim;
