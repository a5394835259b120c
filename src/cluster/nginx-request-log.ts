// What is told of exchanges, in nginx's words and with what it adds to them: who asked, whom, for what (ngx_http_log_error).
import type { RuntimeLog } from '../compile.ts';
import type { Model } from '../config/model.ts';
import type { Attempt } from '../exchange/attempt.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { NoteLevel } from '../features/feature.ts';
import type { SentTo } from '../forward/forward-options.ts';
import type { Log } from '../observe/error-log.ts';
import { toBytes } from '../route/template.ts';
import { errnoText } from '../shared/failed-call.ts';
import { type AttemptFailure, CAUSE_OF, type Failure } from '../shared/failure.ts';

/** What failed, and while what was done. */
type Words = readonly [text: string, doing: string];

const CONNECTING = 'connecting to upstream';
const SENDING = 'sending request to upstream';
const READING_HEAD = 'reading response header from upstream';
const READING = 'reading upstream';
const TIMED_OUT = 'upstream timed out (110: Connection timed out)';
const CLOSED = 'upstream prematurely closed connection';

const WORDS: Readonly<Partial<Record<Failure, Words>>> = {
  connect_refused: ['connect() failed (111: Connection refused)', CONNECTING],
  connect_error: ['connect() failed', CONNECTING],
  connect_timeout: [TIMED_OUT, CONNECTING],
  send_timeout: [TIMED_OUT, SENDING],
  reset_before_head: [CLOSED, READING_HEAD],
  reset_on_reuse: [CLOSED, READING_HEAD],
  malformed_head: ['upstream sent invalid header', READING_HEAD],
  head_timeout: [TIMED_OUT, READING_HEAD],
  body_truncated: [CLOSED, READING],
  body_timeout: [TIMED_OUT, READING],
  tls_error: ['SSL_do_handshake() failed', 'SSL handshaking to upstream'],
  no_live_peer: ['no live upstreams', CONNECTING],
  local_exhausted: ['connect() failed', CONNECTING],
};

/** Failures of which nginx tells nothing, or tells as of the client's. */
const SILENT = /^(?:http_|client_)/;

export class NginxRequestLog implements RuntimeLog {
  readonly #log: Log;
  readonly #model: Model;

  constructor(log: Log, model: Model) {
    this.#log = log;
    this.#model = model;
  }

  attemptFailed(x: Exchange, attempt: Attempt, detail: string, sentTo: SentTo): void {
    const { outcome } = attempt;
    if (SILENT.test(outcome)) return;
    const own = outcome === 'local_exhausted' || outcome === 'internal_error';
    // A line is bytes, as the request in it is; names are text.
    const peer = toBytes(attempt.peer);
    const level = own || isCritical(peer, codeIn(detail)) ? 'crit' : 'error';
    this.#tell(x, level, wordsOf(outcome as AttemptFailure, detail, peer), sentTo(x, peer));
  }

  refused(x: Exchange, status: number, detail: string): void {
    // What happened on peers was told of each attempt.
    const { failure } = x;
    if (failure !== null && failure in CAUSE_OF && x.attempts.length > 0) return;
    this.#tell(x, status < 500 && status !== 413 ? 'info' : 'error', detail);
  }

  /** With `sentTo` it is said of the peer that was asked last. */
  note(x: Exchange, level: NoteLevel, message: string, sentTo?: SentTo): void {
    const attempt = x.attempts.at(-1);
    if (sentTo === undefined || attempt === undefined) return this.#tell(x, level, message);
    const doing = attempt.headMs < 0 ? READING_HEAD : READING;
    this.#tell(x, level, `${message} while ${doing}`, sentTo(x, toBytes(attempt.peer)));
  }

  noRoom(): void {
    this.#log.alert(`${this.#model.settings.workerConnections} worker_connections are not enough`);
  }

  handshake(message: string): void {
    this.#log.error(message);
  }

  fileProblem(x: Exchange, message: string): void {
    this.#tell(x, 'error', message);
  }

  #tell(x: Exchange, level: NoteLevel, text: string, upstream = ''): void {
    this.#log[level](`${text}${contextOf(x, upstream)}`, { connection: x.client.id });
  }
}

const codeIn = (detail: string): string | undefined => /\((E[A-Z0-9]+)\)/.exec(detail)?.[1];

/** What connect() itself says: of a Unix socket all, of an address what the system knows without asking (ngx_event_connect_peer). */
const fails = (peer: string, code: string): boolean =>
  peer.startsWith('unix:') ||
  /^E(?:NETUNREACH|NETDOWN|ADDRNOTAVAIL|ACCES|PERM|INVAL|AFNOSUPPORT)$/.test(code);

const USUAL_REASONS = /^E(?:CONNREFUSED|AGAIN|CONNRESET|NETDOWN|NETUNREACH|HOSTDOWN|HOSTUNREACH)$/;

const isCritical = (peer: string, code: string | undefined): boolean =>
  code !== undefined && fails(peer, code) && !USUAL_REASONS.test(code);

function wordsOf(outcome: AttemptFailure, detail: string, peer: string): string {
  const words = WORDS[outcome];
  if (words === undefined) return detail;
  const [text, doing] = words;
  const code = codeIn(detail);
  if (text.startsWith('connect() failed') && code !== undefined) {
    const call = fails(peer, code) ? `connect() to ${peer} failed` : 'connect() failed';
    return `${call} (${errnoText({ code, message: code })}) while ${doing}`;
  }
  if (doing === READING_HEAD && text === CLOSED && code === 'ECONNRESET')
    return `recv() failed (104: Connection reset by peer) while ${doing}`;
  if (outcome === 'tls_error') {
    const closed = detail.endsWith(': it closed the connection');
    return `${closed ? 'peer closed connection in SSL handshake' : `${text} (${detail})`} while ${doing}`;
  }
  return `${text} while ${doing}`;
}

function contextOf(x: Exchange, upstream: string): string {
  const { main } = x;
  const { request } = main;
  const parts = [`, client: ${x.remoteAddress}, server: ${toBytes(main.server.name)}`];
  if (request.method !== '')
    parts.push(`, request: "${request.method} ${request.target} HTTP/1.${request.minor}"`);
  if (x !== main) parts.push(`, subrequest: "${x.uri}"`);
  if (upstream !== '') parts.push(`, upstream: "${upstream}"`);
  if (request.host !== '') parts.push(`, host: "${request.host}"`);
  const referrer = request.getAll('referer');
  if (referrer !== undefined && referrer !== '') parts.push(`, referrer: "${referrer}"`);
  return parts.join('');
}
