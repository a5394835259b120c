// What a control server answers, by path: XML-RPC, the logs as they grow, the status page, and on lbproxy's own socket the commands of
// `lbproxy ctl`. Statuses are those of Supervisor's server.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { lengthOfLines } from '../logs/length-of-lines.ts';
import type { ControlServerPlan } from '../plan.ts';
import { type Refusal, refusalOf } from './control-access.ts';
import { limitSending, readBody, refuse, send } from './control-answers.ts';
import { readCtlRequest, runCtl } from './ctl-commands.ts';
import type { CtlAnswer } from './ctl-protocol.ts';
import type { PoolFace } from './face.ts';
import type { Follower, LogReader } from './log-reader.ts';
import { PythonError, RpcFault } from './rpc-faults.ts';
import { callMethod } from './rpc-methods.ts';
import { findGroup, type RpcContext, splitNamespec } from './rpc-names.ts';
import { answerPage } from './status-page.ts';
import { readCall, writeAnswer, writeFault } from './xmlrpc-codec.ts';

/** What the requests of one server are answered from. */
export interface Site {
  readonly pool: PoolFace;
  readonly logs: LogReader;
  readonly version: string;
  readonly plan: ControlServerPlan;
  /** lbproxy's own socket: it takes POST /ctl too. */
  readonly own: boolean;
  /** For the log: what only a mistake of lbproxy or of its caller brings about. */
  readonly report: (text: string) => void;
}

/** As much of a log as `tail -f` begins with, as in Supervisor. */
const FOLLOW_FROM_BYTES = 1024;
const PIECE_BYTES = 256 * 1024;

export async function answerRequest(
  site: Site,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on('error', () => {});
  response.once('close', () => gone.abort());
  const cx: RpcContext = { pool: site.pool, logs: site.logs, gone: gone.signal };
  const refusal = refusalOf(site.plan, request);
  try {
    if (refusal !== undefined) return await refuseAccess(request, response, refusal);
    await route(site, cx, request, response);
  } catch (error) {
    if (error instanceof RpcFault) return refuse(response, 500, error.message);
    const text = error instanceof Error ? error.message : String(error);
    site.report(`a request to ${request.url ?? ''} failed: ${text}`);
    if (response.headersSent) response.destroy();
    else refuse(response, 500, text);
  }
}

async function refuseAccess(
  request: IncomingMessage,
  response: ServerResponse,
  { status, text }: Refusal,
): Promise<void> {
  await readBody(request, 0);
  const challenge: Record<string, string> =
    status === 401 ? { 'WWW-Authenticate': 'Basic realm="default"' } : {};
  refuse(response, status, text, challenge);
}

async function route(
  site: Site,
  cx: RpcContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = request.url ?? '/';
  if (url.startsWith('/RPC2')) return answerRpc(cx, request, response);
  if (url.startsWith('/mainlogtail')) return answerMainLog(cx, request, response);
  if (url.startsWith('/logtail')) return answerLog(cx, request, response);
  if (url === '/ctl' && site.own) return answerCtl(site, cx, request, response);
  return answerPage(cx, request, response);
}

async function answerRpc(cx: RpcContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return refuse(response, 400, 'XML-RPC is asked with POST');
  const body = await readBody(request);
  if (body === undefined) return refuse(response, 413, 'the body is larger than 1 MB');
  const call = readCall(body);
  if (call === undefined) return refuse(response, 400, 'the body is no call of XML-RPC');
  let text: string;
  try {
    text = writeAnswer(await callMethod(cx, call.method, call.args));
  } catch (error) {
    if (error instanceof PythonError) return refuse(response, 500, error.message);
    if (!(error instanceof RpcFault)) throw error;
    text = writeFault(error.code, error.message);
  }
  send(response, 200, { 'Content-Type': 'text/xml' }, text);
}

async function answerMainLog(
  cx: RpcContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET') return refuse(response, 400, 'a log is asked for with GET');
  return followLog(cx, cx.pool.mainLog, response);
}

/** /logtail/NAME, /logtail/NAME/stdout or /logtail/NAME/stderr; with `?lines=N` from so many lines back, with `&once` no more than those. */
async function answerLog(cx: RpcContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET') return refuse(response, 400, 'a log is asked for with GET');
  const path = decoded((request.url ?? '').replace(/[?;#].*$/s, ''));
  if (path === undefined) return refuse(response, 400, 'the path cannot be read');
  const [, name = '', channel = 'stdout'] = /^\/logtail[^/]*\/([^/]*)(?:\/(.*))?$/s.exec(path) ?? [];
  const wanted = splitNamespec(name);
  const view = findGroup(cx.pool, wanted.group)?.processes.find((p) => p.view.name === wanted.process)?.view;
  if (view === undefined) return refuse(response, 404, `there is no process "${name}"`);
  const log = channel === 'stdout' ? view.stdoutLog : channel === 'stderr' ? view.stderrLog : null;
  const [, lines = ''] = /\?lines=(\d{1,7})(?:&|$)/.exec(request.url ?? '') ?? [];
  if (lines !== '' && /&once$/.test(request.url ?? '')) return sendLines(cx, log, Number(lines), response);
  return followLog(cx, log, response, lines === '' ? null : Number(lines));
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

async function followLog(
  { logs, gone }: RpcContext,
  path: string | null,
  response: ServerResponse,
  lines: number | null = null,
): Promise<void> {
  const state = path === null ? undefined : await logs.state(path);
  if (path === null || state?.kind !== 'file') return refuse(response, 404, 'there is no log file');
  response.writeHead(200, {
    'Content-Type': 'text/plain;charset=utf-8',
    'Last-Modified': new Date(state.changedAtMs).toUTCString(),
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  const from = lines === null ? FOLLOW_FROM_BYTES : await lengthOfLines(logs, path, state.sizeBytes, lines);
  const follower: Follower = await logs.follow(path, from, (added) => sent(response, added));
  if (gone.aborted) follower.close();
  else gone.addEventListener('abort', () => follower.close(), { once: true });
}

/** The end of a log, and no more. */
async function sendLines(
  { logs }: RpcContext,
  path: string | null,
  lines: number,
  response: ServerResponse,
): Promise<void> {
  const state = path === null ? undefined : await logs.state(path);
  if (path === null || state?.kind !== 'file') return refuse(response, 404, 'there is no log file');
  const length = await lengthOfLines(logs, path, state.sizeBytes, lines);
  response.writeHead(200, { 'Content-Type': 'text/plain;charset=utf-8' });
  const last = state.sizeBytes;
  for (let at = last - length; at < last && !response.destroyed; ) {
    const piece = await logs.read(path, at, Math.min(PIECE_BYTES, last - at));
    // It was emptied meanwhile.
    if (piece.length === 0) break;
    at += piece.length;
    await sent(response, piece);
  }
  response.end();
}

/** Resolves once the client has room for more, or is gone. */
function sent(response: ServerResponse, bytes: Buffer): Promise<void> {
  if (response.destroyed || response.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.once('drain', go).once('close', go);
  });
}

async function answerCtl(
  site: Site,
  cx: RpcContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST')
    return refuse(response, 405, 'a command is sent with POST', { Allow: 'POST' });
  const body = await readBody(request);
  if (body === undefined) return refuse(response, 413, 'the body is larger than 1 MB');
  const command = readCtlRequest(body.toString('utf8'));
  if (typeof command === 'string') return refuse(response, 400, command);
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  response.flushHeaders();
  const tell = (answer: CtlAnswer): void => {
    if (!response.destroyed) response.write(`${JSON.stringify(answer)}\n`);
  };
  tell(await runCtl(cx, site.version, command, tell));
  limitSending(response);
  response.end();
}
