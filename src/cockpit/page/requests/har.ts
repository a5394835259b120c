// Opens a HAR file of ours, of a browser or of another tool: to be looked at, never sent.
import type { ShownBody } from '../../../inspect/body-text.ts';
import type { AttemptView } from '../../../inspect/view.ts';
import type { Shown } from './listed.ts';

const MAX_ENTRIES = 2000;
const MAX_TEXT = 65_536;

/** Throws what is wrong with the file. */
export function readHar(text: string): Shown[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Error(`this is no HAR file: ${(error as Error).message}`);
  }
  const entries = listIn(fieldIn(file, 'log'), 'entries');
  if (entries === null) throw new Error('this is no HAR file: it has no log.entries');
  return entries.slice(-MAX_ENTRIES).map(entryOf).reverse();
}

type Fields = Readonly<Record<string, unknown>>;

function entryOf(entry: unknown, index: number): Shown {
  const request = fieldIn(entry, 'request');
  const response = fieldIn(entry, 'response');
  const url = textIn(request, 'url');
  const place = URL.canParse(url) ? new URL(url) : null;
  const method = textIn(request, 'method') || 'GET';
  const status = numberIn(response, 'status');
  const target = place === null ? url : `${place.pathname}${place.search}`;
  const requestHead = headOf(`${method} ${target} ${textIn(request, 'httpVersion')}`, request);
  const answerHead = headOf(
    `${textIn(response, 'httpVersion')} ${status} ${textIn(response, 'statusText')}`,
    response,
  );
  const content = fieldIn(response, 'content');
  return {
    id: `har-${index + 1}`,
    version: 0,
    at: Date.parse(textIn(entry, 'startedDateTime')) || 0,
    client: '',
    secure: place?.protocol === 'https:',
    server: '',
    host: place?.host ?? '',
    method,
    target,
    status,
    type: textIn(content, 'mimeType').replace(/;.*/, ''),
    ms: numberIn(entry, 'time'),
    firstByteMs: numberIn(fieldIn(entry, 'timings'), 'wait'),
    requestBytes: Math.max(0, numberIn(request, 'bodySize')),
    answerBytes: Math.max(0, numberIn(response, 'bodySize')),
    failure: textIn(entry, '_failure'),
    attempts: (listIn(entry, '_attempts') ?? []).map(attemptOf),
    passed: 0,
    requestHead,
    requestBody: bodyOf(fieldIn(request, 'postData'), numberIn(request, 'bodySize')),
    noReplay: 'it stands in a file',
    answerHead,
    answerBody: bodyOf(content, numberIn(content, 'size')),
    peerAnswer: '',
    frames: [],
  };
}

function headOf(first: string, message: unknown): string {
  const lines = (listIn(message, 'headers') ?? []).map(
    (field) => `${textIn(field, 'name')}: ${textIn(field, 'value')}`,
  );
  return `${[first, ...lines].join('\r\n')}\r\n\r\n`;
}

function bodyOf(content: unknown, size: number): ShownBody {
  const whole = textIn(content, 'text');
  const length = Math.max(size, 0);
  if (whole === '') return { length, text: '', form: 'none', isCut: length > 0, decoded: '' };
  const isCut = whole.length > MAX_TEXT || textIn(content, 'comment') !== '';
  const text = whole.slice(0, MAX_TEXT);
  if (textIn(content, 'encoding') !== 'base64') return { length, text, form: 'text', isCut, decoded: '' };
  return { length, text: hexOf(text), form: 'hex', isCut, decoded: '' };
}

function hexOf(base64: string): string {
  try {
    return [...atob(base64)].map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  } catch {
    return '';
  }
}

function attemptOf(attempt: unknown): AttemptView {
  return {
    peer: textIn(attempt, 'peer'),
    outcome: textIn(attempt, 'outcome'),
    status: numberIn(attempt, 'status'),
    startMs: numberIn(attempt, 'startMs'),
    connectMs: numberIn(attempt, 'connectMs'),
    headMs: numberIn(attempt, 'headMs'),
    totalMs: numberIn(attempt, 'totalMs'),
    noRetry: textIn(attempt, 'noRetry'),
    head: textIn(attempt, 'head'),
  };
}

function fieldIn(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined;
}

function listIn(value: unknown, name: string): readonly unknown[] | null {
  const found = fieldIn(value, name);
  return Array.isArray(found) ? found : null;
}

function textIn(value: unknown, name: string): string {
  const found = fieldIn(value, name);
  return typeof found === 'string' ? found : '';
}

function numberIn(value: unknown, name: string): number {
  const found = fieldIn(value, name);
  return typeof found === 'number' && Number.isFinite(found) ? found : 0;
}
