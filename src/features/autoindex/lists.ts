// The list of a directory in each of its formats, byte for byte as ngx_http_autoindex_module writes it. Pure; text is bytes as latin1.
import { httpDate } from '../../shared/clock.ts';
import { decodeUtf8, LAST_CODE, taken } from '../charset/decode-utf8.ts';
import type { Entry } from './directory.ts';

export interface HtmlOptions {
  readonly exactSize: boolean;
  readonly localtime: boolean;
  /** The page is UTF-8: names are as long as they have characters. */
  readonly utf8: boolean;
}

/** Directories first, then by their bytes. */
export function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const rank = ({ kind }: Entry): number => (kind === 'directory' ? 0 : 1);
  return entries.toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

export function htmlList(uri: string, entries: readonly Entry[], options: HtmlOptions): string {
  const title = escapeHtml(uri);
  const lines = entries.map((entry) => htmlLine(entry, options));
  return (
    `<html>\r\n<head><title>Index of ${title}</title></head>\r\n<body>\r\n<h1>Index of ${title}</h1>` +
    `<hr><pre><a href="../">../</a>\r\n${lines.join('')}</pre><hr></body>\r\n</html>\r\n`
  );
}

/** Characters of a name that the html list has room for; of a longer one the last three are dots. */
const NAME_LENGTH = 50;

function htmlLine(entry: Entry, options: HtmlOptions): string {
  const isDirectory = entry.kind === 'directory';
  const href = escapeComponent(entry.name) + (isDirectory ? '/' : '');
  const characters = options.utf8 ? charactersOf(entry.name) : null;
  let length = characters?.length ?? entry.name.length;
  let shown: string;
  if (length > NAME_LENGTH) {
    const cut = characters?.slice(0, NAME_LENGTH - 3).join('') ?? entry.name.slice(0, NAME_LENGTH - 3);
    shown = `${escapeHtml(cut)}..&gt;</a>`;
  } else {
    const slash = isDirectory && length < NAME_LENGTH ? '/' : '';
    length += slash.length;
    shown = `${escapeHtml(entry.name)}${slash}</a>${' '.repeat(NAME_LENGTH - length)}`;
  }
  return `<a href="${href}">${shown} ${timeOf(entry.mtime, options.localtime)} ${sizeOf(entry, options.exactSize)}\r\n`;
}

/** The characters of UTF-8 as nginx reads it, each in its bytes; null where it is none. */
function charactersOf(name: string): readonly string[] | null {
  const bytes = Buffer.from(name, 'latin1');
  const characters: string[] = [];
  for (let i = 0; i < bytes.length; ) {
    let length = 1;
    if (bytes[i] >= 0x80) {
      if (decodeUtf8(bytes, i, bytes.length) > LAST_CODE) return null;
      length = taken;
    }
    characters.push(name.slice(i, i + length));
    i += length;
  }
  return characters;
}

/** As nginx does, with the zone's offset of now, whenever the file was made. */
function timeOf(mtime: number, localtime: boolean): string {
  const offset = localtime ? -60 * new Date().getTimezoneOffset() : 0;
  const date = httpDate((mtime + offset) * 1000);
  return `${date.slice(5, 7)}-${date.slice(8, 11)}-${date.slice(12, 22)}`;
}

function sizeOf({ kind, size }: Entry, exact: boolean): string {
  if (kind === 'directory') return '-'.padStart(exact ? 19 : 7);
  return exact ? String(size).padStart(19) : roundedSize(Number(size));
}

const K = 1024;

function roundedSize(bytes: number): string {
  if (bytes > K ** 3 - 1) return `${roundHalf(bytes, K ** 3).padStart(6)}G`;
  if (bytes > K ** 2 - 1) return `${roundHalf(bytes, K ** 2).padStart(6)}M`;
  return bytes > 9999 ? `${roundHalf(bytes, K).padStart(6)}K` : ` ${String(bytes).padStart(6)}`;
}

function roundHalf(bytes: number, unit: number): string {
  return String(Math.floor(bytes / unit) + (bytes % unit > unit / 2 - 1 ? 1 : 0));
}

/** With a callback it is JSONP. */
export function jsonList(entries: readonly Entry[], callback: string): string {
  const items = entries.map(({ name, kind, mtime, size }) => {
    const end = kind === 'file' ? `, "size":${size}` : '';
    return `\r\n{ "name":"${escapeJson(name)}", "type":"${kind}", "mtime":"${httpDate(mtime * 1000)}"${end} }`;
  });
  const list = `[${items.join(',')}\r\n]`;
  return callback === '' ? list : `/* callback */\r\n${callback}(${list});`;
}

export function xmlList(entries: readonly Entry[]): string {
  const items = entries.map(({ name, kind, mtime, size }) => {
    // By way of a date, as a file may have a time that is none.
    const time = `${new Date(httpDate(mtime * 1000)).toISOString().slice(0, 19)}Z`;
    const sized = kind === 'file' ? ` size="${size}"` : '';
    return `<${kind} mtime="${time}"${sized}>${escapeHtml(name)}</${kind}>\r\n`;
  });
  return `<?xml version="1.0"?>\r\n<list>\r\n${items.join('')}</list>\r\n`;
}

const HTML: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

function escapeHtml(text: string): string {
  return text.replace(/[<>&"]/g, (c) => HTML[c]);
}

/** What is no unreserved character (NGX_ESCAPE_URI_COMPONENT). */
function escapeComponent(name: string): string {
  return name.replace(/[^A-Za-z0-9\-._~]/g, (c) => `%${hex(c)}`);
}

const hex = (c: string): string => c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');

const JSON_SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

function escapeJson(text: string): string {
  return text.replace(/["\\\x00-\x1f]/g, (c) => JSON_SHORT[c] ?? `\\u00${hex(c)}`);
}
