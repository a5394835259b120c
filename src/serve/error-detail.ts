// With error_detail: what is known of an answer that is an error, and in which form its client reads that best. What clients, peers and
// programs wrote is in it, so each form keeps it text.
import { isUtf8 } from 'node:buffer';
import type { Exchange } from '../exchange/exchange.ts';
import type { RequestHead } from '../http/request-head.ts';
import { CAUSE_OF } from '../shared/failure.ts';
import { adviceFor } from './error-advice.ts';
import { noteOf } from './error-notes.ts';

export interface DetailedAttempt {
  readonly peer: string;
  readonly upstream: string;
  /** The word for logs, and what it means. */
  readonly outcome: string;
  readonly cause: string;
  /** Of the peer's answer; 0 without. */
  readonly status: number;
  /** -1 = not reached. */
  readonly connectMs: number;
  readonly headMs: number;
  readonly totalMs: number;
}

/** Its texts are Unicode, and bounded. */
export interface ErrorDetail {
  readonly status: number;
  readonly reason: string;
  /** What failed. */
  readonly problem: string;
  readonly method: string;
  readonly uri: string;
  /** `file:line:column` of the location, or of its server; '' where nobody knows. */
  readonly at: string;
  readonly attempts: readonly DetailedAttempt[];
  /** What the program behind it wrote last. */
  readonly output: readonly string[];
  readonly next: string;
  /** The peer may be back in a moment, and the request can be sent once more without harm. */
  readonly retries: boolean;
}

export type DetailForm = 'html' | 'json' | 'text';

const MOST_CHARS = 2000;
const MOST_ATTEMPTS = 20;
const MOST_LINES = 200;

const GATEWAY: ReadonlySet<number> = new Set([502, 503, 504]);

/** `asked`: the status before nginx's own codes became 400. */
export function detailOf(
  x: Exchange,
  given: { readonly asked: number; readonly reason: string; readonly detail: string; readonly at: string },
): ErrorDetail {
  const said = given.detail === '' ? noteOf(x) : given.detail;
  const [sentence, ...output] = said.split(/\r?\n/);
  const { status } = x;
  return {
    status,
    reason: given.reason,
    problem: shown(sentence === '' ? unsaid(x, given.asked) : sentence),
    method: shown(x.request.method),
    uri: shown(x.request.target),
    at: given.at,
    attempts: x.attempts.slice(-MOST_ATTEMPTS).map((attempt) => ({
      peer: shown(attempt.peer),
      upstream: shown(attempt.upstream),
      outcome: attempt.outcome,
      cause: (CAUSE_OF as Readonly<Record<string, string>>)[attempt.outcome] ?? '',
      status: attempt.status,
      connectMs: rounded(attempt.connectMs),
      headMs: rounded(attempt.headMs),
      totalMs: rounded(attempt.totalMs),
    })),
    output: output.slice(-MOST_LINES).map(shown),
    next: adviceFor(given.asked, x.failure),
    retries: GATEWAY.has(status) && x.request.method === 'GET',
  };
}

function unsaid({ attempts }: Exchange, status: number): string {
  if (attempts.length > 0) return `the peer answered ${status}`;
  if (status === 401) return 'the request has no name and password that are accepted here';
  return 'the configuration of this place answers so';
}

const rounded = (ms: number): number => (ms < 0 ? -1 : Math.round(ms * 10) / 10);

/** Bytes as latin1, or text already → text, cut where it is long. */
function shown(text: string): string {
  const cut = text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}…` : text;
  if (!/^[\x00-\xff]*$/.test(text)) return cut;
  const bytes = Buffer.from(text.length > MOST_CHARS ? text.slice(0, MOST_CHARS) : text, 'latin1');
  return isUtf8(bytes) && bytes.length === text.length ? bytes.toString('utf8') : cut;
}

/** Browsers say that they take HTML; programs ask for JSON; whoever takes anything gets a line. */
export function formFor(request: RequestHead): DetailForm {
  const accept = request.getAll('accept') ?? '';
  if (/\btext\/html\b/i.test(accept)) return 'html';
  if (/\bapplication\/(?:[\w.-]+\+)?json\b/i.test(accept)) return 'json';
  if (accept === '' && !/^curl\//i.test(request.get('user-agent') ?? '')) return 'html';
  return 'text';
}

/** ASCII, and nothing that HTML or SSI could read as its own. */
export function detailJson({ retries: _, ...detail }: ErrorDetail): string {
  const text = JSON.stringify(detail);
  return `${text.replace(/[<>&\x7f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

/** One line: what a terminal shows of it is all that it does. */
export function detailLine(detail: ErrorDetail): string {
  const { status, reason, problem, attempts, output, at, next } = detail;
  const parts = [`${status}${reason === '' ? '' : ` ${reason}`}: ${problem}`];
  if (attempts.length > 0) parts.push(`tried ${attempts.map(sayAttempt).join(', ')}`);
  const last = output.findLast((line) => line.trim() !== '');
  if (last !== undefined) parts.push(`the program wrote: ${last.trim()}`);
  if (at !== '') parts.push(`at ${at}`);
  if (next !== '') parts.push(`next: ${next}`);
  const line = parts.join('; ').replace(/\p{C}+/gu, ' ');
  return `${line.replaceAll('<!--#', '<!-- #')}\n`;
}

function sayAttempt({ peer, outcome, status, totalMs }: DetailedAttempt): string {
  const what = outcome === 'ok' ? `answered ${status}` : outcome;
  return `${peer} (${what}${totalMs < 0 ? '' : `, ${totalMs} ms`})`;
}
