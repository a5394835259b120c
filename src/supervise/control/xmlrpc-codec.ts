// XML-RPC as Supervisor reads and writes it: a call becomes a method and values, an answer becomes the very text that Python's
// xmlrpc.client writes. Elements mean what they mean to Supervisor, also where a client writes them oddly.
import { parseInteger, RpcDateTime, RpcDouble, type RpcStruct, type RpcValue } from './rpc-values.ts';
import { readXml, type XmlElement, XmlError } from './xml-elements.ts';

export interface RpcCall {
  readonly method: string;
  readonly args: readonly RpcValue[];
}

/** What is answered; numbers are whole. */
export type RpcAnswer =
  | boolean
  | number
  | string
  | readonly RpcAnswer[]
  | { readonly [key: string]: RpcAnswer };

type Element = XmlElement<RpcValue>;
type Folder = (element: Element) => RpcValue;

/** Elements with a meaning; all others are their text, or what their parent makes of them. */
const FOLDERS = new Map<string, Folder>([
  ['int', readInteger],
  ['i4', readInteger],
  ['boolean', (e) => e.content === '1'],
  ['string', (e) => e.content ?? ''],
  ['double', readDouble],
  ['dateTime.iso8601', readDateTime],
  ['base64', readBase64],
  ['array', first],
  ['data', (e) => e.children.map((child) => child.content)],
  ['struct', readStruct],
  ['param', first],
  ['value', (e) => (e.children.length > 0 ? e.children[0].content : (e.content ?? ''))],
]);

/** undefined where it cannot be read, or names no method. */
export function readCall(body: Buffer): RpcCall | undefined {
  let method: RpcValue = null;
  let args: readonly RpcValue[] = [];
  try {
    readXml<RpcValue>(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body), (element) => {
      if (element.tag === 'methodName') method = element.content;
      if (element.tag === 'params') args = element.children.map((child) => child.content);
      const folder = FOLDERS.get(element.tag);
      if (folder === undefined) return;
      element.content = folder(element);
      element.children = [];
    });
  } catch (error) {
    // TextDecoder throws a TypeError for what is no UTF-8.
    if (error instanceof XmlError || error instanceof TypeError) return undefined;
    throw error;
  }
  return typeof method === 'string' && method !== '' ? { method, args } : undefined;
}

function first(element: Element): RpcValue {
  if (element.children.length === 0) throw new XmlError(`<${element.tag}> is empty`);
  return element.children[0].content;
}

function textOf(element: Element): string {
  if (typeof element.content === 'string') return element.content;
  throw new XmlError(`<${element.tag}> has no text`);
}

function readInteger(element: Element): number {
  const value = parseInteger(textOf(element));
  if (value === undefined) throw new XmlError('no whole number');
  return value;
}

function readDouble(element: Element): RpcDouble {
  const text = textOf(element).trim();
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special !== null) {
    if (special[2].toLowerCase() === 'nan') return new RpcDouble(Number.NaN);
    return new RpcDouble(special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
  }
  if (!/^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?$/.test(text))
    throw new XmlError('no number');
  return new RpcDouble(Number(text.replaceAll('_', '')));
}

function readDateTime(element: Element): RpcDateTime {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d):(\d\d):(\d\d)$/.exec(textOf(element));
  const parts = found?.slice(1).map(Number) ?? [];
  const [year, month, day, hour, minute, second] = parts;
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  if (year < 1 || date.getUTCMonth() !== month - 1 || !(hour < 24 && minute < 60 && second < 60))
    throw new XmlError('no time');
  return new RpcDateTime(parts);
}

/** To Supervisor it is text. */
function readBase64(element: Element): string {
  const text = typeof element.content === 'string' ? element.content.replace(/[^A-Za-z0-9+/=]/g, '') : '';
  if (text.length % 4 !== 0) throw new XmlError('base64 without its end');
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(text, 'base64'));
}

function readStruct(element: Element): RpcStruct {
  const struct: RpcStruct = new Map();
  for (const { children } of element.children) {
    const key = children.length === 2 ? (children[0].content ?? '') : null;
    if (typeof key !== 'string') throw new XmlError('a member is a name and a value');
    struct.set(key, children[1].content);
  }
  return struct;
}

export function writeAnswer(value: RpcAnswer): string {
  const out = ["<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n"];
  write(value, out);
  out.push('</param>\n</params>\n</methodResponse>\n');
  return out.join('');
}

export function writeFault(code: number, text: string): string {
  const out = ["<?xml version='1.0'?>\n<methodResponse>\n<fault>\n"];
  write({ faultCode: code, faultString: text }, out);
  out.push('</fault>\n</methodResponse>\n');
  return out.join('');
}

const MAX_INT = 2 ** 31 - 1;

function write(value: RpcAnswer, out: string[]): void {
  if (typeof value === 'boolean') {
    out.push(`<value><boolean>${value ? 1 : 0}</boolean></value>\n`);
  } else if (typeof value === 'number') {
    // There is no larger number in XML-RPC, and Supervisor has no other kind.
    const whole = Math.max(-MAX_INT - 1, Math.min(MAX_INT, Math.trunc(value)));
    out.push(`<value><int>${whole}</int></value>\n`);
  } else if (typeof value === 'string') {
    out.push('<value><string>', escapeText(value), '</string></value>\n');
  } else if (isList(value)) {
    out.push('<value><array><data>\n');
    for (const item of value) write(item, out);
    out.push('</data></array></value>\n');
  } else {
    out.push('<value><struct>\n');
    for (const [key, item] of Object.entries(value)) {
      out.push(`<member>\n<name>${escapeText(key)}</name>\n`);
      write(item, out);
      out.push('</member>\n');
    }
    out.push('</struct></value>\n');
  }
}

const isList = (value: object): value is readonly RpcAnswer[] => Array.isArray(value);

/** Characters that XML has no way to write (colours of a terminal in a log) become U+FFFD, or no client could read the answer. */
function escapeText(text: string): string {
  return text
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
