// nginx's error_page: which other answer takes the place of a status. A URI or a named location of the same server answers, or the
// client is sent elsewhere (ngx_http_send_error_page).
import type { Exchange } from '../exchange.ts';
import { compileTemplate, type VariableLookup } from '../route/template.ts';
import { clearAnswer, sendBody } from './answer.ts';
import type { ErrorPage } from './rows.ts';

/** As many internal redirects as a request may make; after them errors are answered here. */
const MAX_REDIRECTS = 10;

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
}

export class ErrorRules {
  readonly #rules = new Map<number, Rule>();
  readonly #recursive: boolean;
  readonly #page: (status: number) => string;

  constructor({ pages, recursive, lookup, page }: ErrorRulesOptions) {
    for (const { codes, response, target } of pages) {
      const rule = { status: response, target: compileTemplate(target, lookup) };
      // The first one of a status holds.
      for (const code of codes) if (!this.#rules.has(code)) this.#rules.set(code, rule);
    }
    this.#recursive = recursive;
    this.#page = page;
  }

  /** Whether an answer of this status would be replaced: proxy_intercept_errors asks. */
  has(status: number): boolean {
    return this.#rules.has(status);
  }

  /** Answers in the place of a status; false = there is no rule for it. `lines` belong to the error and stay. */
  answer(exchange: Exchange, status: number, lines: string): boolean {
    if (exchange.inErrorPage || exchange.redirects > MAX_REDIRECTS) return false;
    if (!this.#recursive) exchange.inErrorPage = true;
    const rule = this.#rules.get(status);
    if (rule === undefined) return false;
    exchange.errorStatus = rule.status < 0 ? status : rule.status;
    exchange.keptLines = lines;
    const target = rule.target(exchange);
    if (target.startsWith('/')) {
      if (exchange.method !== 'HEAD') exchange.method = 'GET';
      const question = target.indexOf('?');
      if (question < 0) exchange.server.redirect(exchange, target, '');
      else exchange.server.redirect(exchange, target.slice(0, question), target.slice(question + 1));
    } else if (target.startsWith('@')) {
      exchange.server.toNamed(exchange, target);
    } else {
      this.#redirect(exchange, target);
    }
    return true;
  }

  #redirect(exchange: Exchange, location: string): void {
    const status = REDIRECTS.has(exchange.errorStatus) ? exchange.errorStatus : 302;
    clearAnswer(exchange);
    exchange.errorStatus = 0;
    exchange.status = status;
    exchange.lines = `Content-Type: text/html\r\n${exchange.keptLines}Location: ${location.replace(/[\r\n\0]/g, '')}\r\n`;
    exchange.keptLines = '';
    sendBody(exchange, this.#page(status));
  }
}
