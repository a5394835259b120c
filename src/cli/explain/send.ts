// Sends the explained request to the running lbproxy, and reads what came of it: the answer, and what the error logs were told meanwhile.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { listenKey } from '../../config/addresses.ts';
import { levelsOf } from '../../config/levels.ts';
import type { Model } from '../../config/model.ts';
import type { Asked } from '../../explain/explainer.ts';
import type { Explanation } from '../../explain/explanation.ts';
import type { Row } from '../../explain/row.ts';
import { shown } from '../../explain/trail.ts';

export interface Sent {
  /** Where it went. */
  readonly to: string;
  /** Why there is no answer; '' where there is one. */
  readonly problem: string;
  readonly statusLine: string;
  readonly fields: readonly string[];
  readonly bodyBytes: number;
  /** The beginning of a text. */
  readonly body: string;
  readonly ms: number;
  /** Lines that the error logs got meanwhile: attempts that failed are among them. */
  readonly log: readonly string[];
}

const PATIENCE_MS = 30_000;
/** Of an answer so much is kept. */
const MOST_BYTES = 1 << 20;
const SHOWN_BYTES = 2000;
const MOST_LINES = 20;
/** Error logs are written a moment later. */
const LOG_MS = 150;

export async function sendForReal(model: Model, told: Explanation, asked: Asked): Promise<Sent> {
  const marks = errorLogsOf(model).map(markOf);
  const target = targetOf(model, told, asked);
  const startedAt = performance.now();
  const came = await exchange(target, asked);
  const ms = Math.round(performance.now() - startedAt);
  await new Promise((resolve) => setTimeout(resolve, LOG_MS));
  const log = marks.flatMap(linesSince).slice(-MOST_LINES);
  return { ...readAnswer(came.bytes), to: nameOf(target), problem: came.problem, ms, log };
}

function targetOf(model: Model, { address }: Explanation, { url }: Asked): NetConnectOpts {
  const listen = model.servers
    .flatMap(({ settings }) => settings.listens)
    .find((one) => listenKey(one) === address.address);
  if (listen === undefined) return { host: '127.0.0.1', port: url.port ?? 80 };
  if (listen.path !== '') return { path: listen.path };
  const any = listen.host === '*' || listen.host === '0.0.0.0';
  const host = any ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host;
  return { host, port: listen.port };
}

const nameOf = (target: NetConnectOpts): string =>
  'path' in target ? `unix:${target.path}` : `${target.host}:${target.port}`;

interface Came {
  readonly bytes: string;
  readonly problem: string;
}

/** Ends with the connection. */
function exchange(target: NetConnectOpts, { head, body, url }: Asked): Promise<Came> {
  return new Promise((resolve) => {
    let bytes = '';
    const isHead = head.startsWith('HEAD ');
    const servername = /^[\d.]+$|:/.test(url.host) ? undefined : url.host;
    const socket: Socket = url.secure
      ? connectTls({ ...target, servername, rejectUnauthorized: false })
      : connect(target);
    const end = (problem: string): void => {
      socket.destroy();
      resolve({ bytes, problem: bytes === '' ? problem : '' });
    };
    socket.setTimeout(PATIENCE_MS, () => end(`no answer within ${PATIENCE_MS / 1000} s`));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.latin1Slice();
      if (bytes.length > MOST_BYTES || isWhole(bytes, isHead)) end('');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => end(sayError(error, nameOf(target))));
    socket.on('close', () => end('the connection was closed without an answer'));
    // The connection's end is the answer's, unless it is to be kept.
    const keeps = /^connection:/im.test(head);
    const sent = keeps ? head : head.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    socket.write(Buffer.from(sent, 'latin1'));
    socket.write(body);
  });
}

/** Whether the answer's own framing says that it is complete. */
function isWhole(bytes: string, isHead: boolean): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = bytes.slice(0, end);
  if (/^HTTP\/1\.\d 1(?!01)/.test(head)) return isWhole(bytes.slice(end + 4), isHead);
  if (isHead || /^HTTP\/1\.\d (?:101|204|304)/.test(head)) return true;
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
  if (length !== undefined) return bytes.length - end - 4 >= Number(length);
  return /^transfer-encoding: *chunked$/im.test(head) && bytes.endsWith('0\r\n\r\n');
}

function sayError({ code, message }: NodeJS.ErrnoException, where: string): string {
  return code === 'ECONNREFUSED' || code === 'ENOENT'
    ? `nobody listens on ${where}: start lbproxy with this configuration`
    : message;
}

function readAnswer(bytes: string): Pick<Sent, 'statusLine' | 'fields' | 'bodyBytes' | 'body'> {
  if (/^HTTP\/1\.\d 1(?!01)/.test(bytes)) return readAnswer(bytes.slice(bytes.indexOf('\r\n\r\n') + 4));
  const end = bytes.indexOf('\r\n\r\n');
  const [statusLine = '', ...fields] = bytes.slice(0, Math.max(0, end)).split('\r\n');
  const body = end < 0 ? '' : unchunked(bytes.slice(end + 4), fields);
  const text = shown(body.slice(0, SHOWN_BYTES));
  return {
    statusLine: shown(statusLine),
    fields: fields.map(shown),
    bodyBytes: body.length,
    body: /[\x00-\x08\x0e-\x1f\ufffd]/.test(text) ? '' : text,
  };
}

function unchunked(body: string, fields: readonly string[]): string {
  if (!fields.some((line) => /^transfer-encoding: *chunked$/i.test(line))) return body;
  let out = '';
  for (let at = 0; at < body.length; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (lineEnd < 0 || !(size > 0)) break;
    out += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
  return out;
}

// Error logs.

interface Mark {
  readonly path: string;
  readonly size: number;
}

function errorLogsOf(model: Model): string[] {
  const levels = [
    model.settings,
    ...model.servers.flatMap((server) => levelsOf(server, true)).map((l) => l.settings),
  ];
  const paths = levels.flatMap(({ errorLog }) => errorLog.map(({ path }) => path));
  return [...new Set(paths)].filter((path) => path.startsWith('/'));
}

function markOf(path: string): Mark {
  const stats = statSync(path, { throwIfNoEntry: false });
  return { path, size: stats?.isFile() === true ? stats.size : -1 };
}

function linesSince({ path, size }: Mark): string[] {
  try {
    const length = statSync(path).size - size;
    if (size < 0 || length <= 0) return [];
    const buffer = Buffer.alloc(Math.min(length, MOST_BYTES));
    const fd = openSync(path, 'r');
    readSync(fd, buffer, 0, buffer.length, size);
    closeSync(fd);
    return buffer
      .toString('utf8')
      .split(/\r?\n/)
      .filter((line) => line !== '');
  } catch {
    // A log that may not be read tells nothing.
    return [];
  }
}

/** Of a line in JSON what it says; others are for people as they are. */
function messageOf(line: string): string {
  try {
    const { level, msg } = JSON.parse(line) as { readonly level?: unknown; readonly msg?: unknown };
    return typeof msg === 'string' ? `[${String(level)}] ${msg}` : line;
  } catch {
    return line;
  }
}

/** As lines of text. */
export function sentRows({ to, problem, statusLine, fields, bodyBytes, body, ms, log }: Sent): Row[] {
  const title: Row = { label: 'sent', text: `to ${to}, ${ms} ms`, tone: 'title' };
  const logged = log.map(
    (line, i): Row => ({ label: i === 0 ? 'error_log' : '', text: messageOf(line), tone: 'quiet' }),
  );
  if (problem !== '') return [title, { label: 'answer', text: problem, tone: 'bad' }, ...logged];
  const isWell = /^HTTP\/1\.\d [123]/.test(statusLine);
  return [
    title,
    { label: 'answer', text: statusLine, tone: isWell ? 'good' : 'bad' },
    ...fields.map((text): Row => ({ label: '', text })),
    { label: 'body', text: `${bodyBytes} bytes` },
    ...body
      .trimEnd()
      .split(/\r?\n/)
      .slice(0, MOST_LINES)
      .map((text): Row => ({ label: '', text, tone: 'quiet' })),
    ...logged,
  ];
}
