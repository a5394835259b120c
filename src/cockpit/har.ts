// Requests as a HAR file (HTTP Archive 1.2), which browsers and other tools open.
import type { ShownBody } from '../inspect/body-text.ts';
import type { Detail } from '../inspect/view.ts';

interface Pair {
  readonly name: string;
  readonly value: string;
}

export function harOf(details: readonly Detail[], version: string): unknown {
  return { log: { version: '1.2', creator: { name: 'lbproxy', version }, entries: details.map(entryOf) } };
}

function entryOf(detail: Detail): unknown {
  const { method, target, host, secure, status, ms, firstByteMs, answerHead, requestHead } = detail;
  const url = /^https?:\/\//i.test(target) ? target : `${secure ? 'https' : 'http'}://${host}${target}`;
  const total = Math.max(0, ms);
  const wait = firstByteMs < 0 ? total : Math.min(firstByteMs, total);
  const request = fieldsOf(requestHead);
  const response = fieldsOf(answerHead);
  return {
    startedDateTime: new Date(detail.at).toISOString(),
    time: total,
    request: {
      method,
      url,
      httpVersion: versionOf(requestHead.split('\r\n', 1)[0].split(' ')[2]),
      cookies: [],
      headers: request,
      queryString: queryOf(url),
      headersSize: requestHead.length,
      bodySize: detail.requestBytes,
      ...(detail.requestBytes === 0
        ? {}
        : { postData: postDataOf(detail.requestBody, firstValue(request, 'content-type')) }),
    },
    response: {
      status,
      statusText: /^\S+ \d+ (.*)/.exec(answerHead)?.[1] ?? '',
      httpVersion: versionOf(answerHead.split(' ', 1)[0]),
      cookies: [],
      headers: response,
      content: contentOf(detail.answerBody, firstValue(response, 'content-type')),
      redirectURL: firstValue(response, 'location'),
      headersSize: answerHead.length,
      bodySize: detail.answerBytes,
    },
    cache: {},
    timings: { send: 0, wait, receive: total - wait },
    serverIPAddress: '',
    connection: String(detail.id),
    _failure: detail.failure,
    _attempts: detail.attempts,
  };
}

function contentOf({ length, text, form, isCut }: ShownBody, mimeType: string): unknown {
  const comment = isCut ? 'the beginning only' : '';
  if (form !== 'hex') return { size: length, mimeType, text, comment };
  return {
    size: length,
    mimeType,
    text: Buffer.from(text, 'hex').toString('base64'),
    encoding: 'base64',
    comment,
  };
}

/** The format has no bytes here: what is no text is told as base64. */
function postDataOf({ text, form }: ShownBody, mimeType: string): unknown {
  if (form !== 'hex') return { mimeType, text };
  return { mimeType, text: Buffer.from(text, 'hex').toString('base64'), encoding: 'base64' };
}

function versionOf(text: string | undefined): string {
  return text?.startsWith('HTTP/') ? text : 'HTTP/1.1';
}

function fieldsOf(head: string): Pair[] {
  const lines = head
    .split('\r\n')
    .slice(1)
    .filter((line) => line.includes(':'));
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
  });
}

function firstValue(pairs: readonly Pair[], lowerName: string): string {
  return pairs.find(({ name }) => name.toLowerCase() === lowerName)?.value ?? '';
}

function queryOf(url: string): Pair[] {
  if (!URL.canParse(url)) return [];
  return [...new URL(url).searchParams].map(([name, value]) => ({ name, value }));
}
