// The command line of `lbproxy explain` → the request that is to be explained, as it would stand on the wire.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import type { AskedUrl } from '../../explain/address.ts';
import type { Asked } from '../../explain/explainer.ts';
import { isHost } from '../../http/request-head.ts';
import { toBytes } from '../../route/template.ts';

export interface ExplainOptions {
  readonly config?: string;
  readonly prefix?: string;
  readonly programs?: string;
  readonly asked: Asked;
  readonly send: boolean;
  readonly json: boolean;
}

export const USAGE = `usage: lbproxy explain [-X METHOD] [-H 'Name: value'] … [-d BODY] [-c FILE] [--from ADDRESS] [--send] [--json] URL

Tells what would become of a request, and why, with the place of each decision in the configuration. Nothing is sent.

  -X, --request METHOD   GET unless said otherwise; POST with -d
  -H, --header FIELD     a field of the request; Host comes from the URL unless it is given
  -d, --data BODY        the body; @FILE reads it from a file
  -c, --config FILE      the configuration (default: found in this directory)
      --from ADDRESS     the client's address (default: 127.0.0.1)
      --send             then send it to the running lbproxy of this configuration, and show the answer
      --json             print data instead of text`;

/** The options, or a sentence that says what is wrong. */
export function readWords(args: readonly string[]): ExplainOptions | string {
  const parsed = parse(args);
  if (typeof parsed === 'string') return `${parsed}\n${USAGE}`;
  const { values, positionals } = parsed;
  const [text, ...more] = positionals;
  if (text === undefined) return `no URL is given\n${USAGE}`;
  if (more.length > 0)
    return `two URLs are given, ${text} and ${more[0]}: name one, and quote what has blanks in it`;
  const url = readUrl(text);
  if (typeof url === 'string') return url;
  const body = readBody(values.data);
  if (typeof body === 'string') return body;
  const { from = '127.0.0.1', config, prefix, programs, send = false, json = false } = values;
  if (isIP(from) === 0) return `--from ${from}: that is no IP address`;
  const method = values.request ?? (body === null ? 'GET' : 'POST');
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(method)) return `-X ${method}: that is no method`;
  const fields = readFields(values.header ?? []);
  if (typeof fields === 'string') return fields;
  const head = headOf(method, url, fields, body);
  return { config, prefix, programs, send, json, asked: { url, head, body: body ?? NO_BODY, from } };
}

const NO_BODY = Buffer.alloc(0);

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        request: { type: 'string', short: 'X' },
        header: { type: 'string', short: 'H', multiple: true },
        data: { type: 'string', short: 'd' },
        config: { type: 'string', short: 'c' },
        prefix: { type: 'string', short: 'p' },
        programs: { type: 'string' },
        from: { type: 'string' },
        send: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
  } catch (error) {
    // What follows in it is about words that begin with a dash.
    return (error as Error).message.split('. ')[0];
  }
}

const URL_PARTS = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#]*)([^#]*)/;

/** As curl takes it: without a scheme it is http. */
export function readUrl(text: string): AskedUrl | string {
  const [, scheme = 'http', authority, rest] = URL_PARTS.exec(text) ?? [];
  const lower = scheme.toLowerCase();
  if (lower !== 'http' && lower !== 'https')
    return `${text}: ${scheme}:// is not spoken here; write http:// or https://`;
  if (authority === undefined || authority === '')
    return `${text}: that names no host; write a whole URL, such as http://localhost:8080${text.startsWith('/') ? text : '/'}`;
  if (authority.includes('@'))
    return `${text}: a name and a password go into a field: -H 'Authorization: Basic …'`;
  const m = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(authority);
  const port = m?.[2] === undefined || m[2] === '' ? null : Number(m[2]);
  if (m === null || !isHost(authority) || port === 0 || (port ?? 1) > 65_535)
    return `${text}: "${authority}" is no host and port`;
  const path = rest === undefined || rest === '' ? '/' : rest.startsWith('/') ? rest : `/${rest}`;
  if (/[\x00-\x20\x7f]/.test(path))
    return `${text}: a URL has no blanks and no control characters; write %20 for a blank`;
  const host = m[1].replace(/^\[|\]$/g, '').toLowerCase();
  return {
    secure: lower === 'https',
    authority,
    host: host === 'localhost' ? '127.0.0.1' : host,
    port,
    target: toBytes(path),
  };
}

function readBody(data: string | undefined): Buffer | string | null {
  if (data === undefined) return null;
  if (!data.startsWith('@')) return Buffer.from(data, 'utf8');
  try {
    return readFileSync(data.slice(1));
  } catch (error) {
    return `-d ${data}: ${(error as Error).message}`;
  }
}

type Field = readonly [name: string, value: string];

function readFields(words: readonly string[]): readonly Field[] | string {
  const fields: Field[] = [];
  for (const word of words) {
    const m = /^([^\s:]+):[ \t]*([^\r\n\0]*)$/.exec(word);
    if (m === null) return `-H '${word}': a field is written as 'Name: value', on one line`;
    fields.push([toBytes(m[1]), toBytes(m[2].trimEnd())]);
  }
  return fields;
}

/** Nothing is added but what a request cannot do without, and what curl adds to a body. */
function headOf(method: string, url: AskedUrl, fields: readonly Field[], body: Buffer | null): string {
  const has = (name: string): boolean => fields.some(([own]) => own.toLowerCase() === name);
  const all: Field[] = [...(has('host') ? [] : [['Host', url.authority] as const]), ...fields];
  if (body !== null && !has('content-length') && !has('transfer-encoding'))
    all.push(['Content-Length', String(body.length)]);
  if (body !== null && !has('content-type')) all.push(['Content-Type', 'application/x-www-form-urlencoded']);
  const lines = [`${method} ${url.target} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`)];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
