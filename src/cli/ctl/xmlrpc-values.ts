// XML-RPC as a client needs it: a call as text, an answer as a value or a fault. Control characters in texts, which logs are full of,
// are taken as they are: Python's parser refuses the whole answer for one.
import { quoted } from './python-error.ts';

export type XmlValue = string | number | boolean | null | readonly XmlValue[] | XmlStruct;
export interface XmlStruct {
  readonly [name: string]: XmlValue;
}

/** The server's answer is an error. */
export class Fault extends Error {
  readonly code: number;
  readonly text: string;

  constructor(code: number, text: string) {
    super(`<Fault ${code}: ${quoted(text)}>`);
    this.code = code;
    this.text = text;
  }
}

export type Argument = string | number | boolean;

export function encodeCall(method: string, args: readonly Argument[]): string {
  const params = args.map((arg) => `<param><value>${encode(arg)}</value></param>\n`).join('');
  return `<?xml version='1.0'?>\n<methodCall>\n<methodName>${escapeXml(method)}</methodName>\n<params>\n${params}</params>\n</methodCall>\n`;
}

function encode(arg: Argument): string {
  if (typeof arg === 'boolean') return `<boolean>${arg ? 1 : 0}</boolean>`;
  if (typeof arg === 'number') return `<int>${arg}</int>`;
  return `<string>${escapeXml(arg)}</string>`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The value of a methodResponse. Throws a Fault, or a SyntaxError where it is none. */
export function decodeAnswer(text: string): XmlValue {
  const reader = new Reader(text);
  reader.open('methodResponse');
  if (reader.take('fault')) {
    const fault = reader.value();
    const { faultCode, faultString } = isStruct(fault) ? fault : {};
    throw new Fault(Number(faultCode), String(faultString));
  }
  reader.open('params');
  reader.open('param');
  return reader.value();
}

function isStruct(value: XmlValue): value is XmlStruct {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Deeper than any answer of a supervisor. */
const DEEPEST = 32;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipSpace();
    while (text.startsWith('<?', this.#at) || text.startsWith('<!', this.#at)) {
      const end = text.indexOf('>', this.#at);
      if (end < 0) throw this.#broken();
      this.#at = end + 1;
      this.#skipSpace();
    }
  }

  /** Takes `<name>` if it comes next. */
  take(name: string): boolean {
    this.#skipSpace();
    const tag = `<${name}>`;
    if (!this.#text.startsWith(tag, this.#at)) return false;
    this.#at += tag.length;
    return true;
  }

  open(name: string): void {
    if (!this.take(name)) throw this.#broken();
  }

  value(): XmlValue {
    if (this.take('value/')) return '';
    this.open('value');
    if (++this.#depth > DEEPEST) throw this.#broken();
    const value = this.#inner();
    this.#depth--;
    this.open('/value');
    return value;
  }

  #inner(): XmlValue {
    const start = this.#at;
    if (this.take('array')) return this.#array();
    if (this.take('struct')) return this.#struct();
    const tag = /\s*<(\w+)(\/?)>/y;
    tag.lastIndex = this.#at;
    const found = tag.exec(this.#text);
    if (found === null) {
      this.#at = start;
      return this.#textUntil();
    }
    const [whole, type, closed] = found;
    this.#at += whole.length;
    const text = closed === '' ? this.#textUntil() : '';
    if (closed === '') this.open(`/${type}`);
    return this.#scalar(type, text);
  }

  #scalar(type: string, text: string): XmlValue {
    if (type === 'nil') return null;
    if (type === 'boolean') return text.trim() === '1';
    if (type !== 'int' && type !== 'i4' && type !== 'i8' && type !== 'double') return text;
    const number = Number(text);
    if (Number.isNaN(number) || text.trim() === '') throw this.#broken();
    return number;
  }

  #array(): XmlValue[] {
    const values: XmlValue[] = [];
    if (!this.take('data/')) {
      this.open('data');
      while (!this.take('/data')) values.push(this.value());
    }
    this.open('/array');
    return values;
  }

  #struct(): XmlStruct {
    const members: [string, XmlValue][] = [];
    while (!this.take('/struct')) {
      this.open('member');
      this.open('name');
      const name = this.#textUntil();
      this.open('/name');
      members.push([name, this.value()]);
      this.open('/member');
    }
    return Object.fromEntries(members);
  }

  #textUntil(): string {
    const end = this.#text.indexOf('<', this.#at);
    if (end < 0) throw this.#broken();
    const raw = this.#text.slice(this.#at, end);
    this.#at = end;
    return raw.includes('&')
      ? raw.replace(/&(#?)(\w+);/g, (all, hash, name) => unescaped(all, hash, name))
      : raw;
  }

  #skipSpace(): void {
    const space = /\s*/y;
    space.lastIndex = this.#at;
    space.test(this.#text);
    this.#at = Math.max(this.#at, space.lastIndex);
  }

  #broken(): SyntaxError {
    return new SyntaxError(
      `no answer of XML-RPC: ${JSON.stringify(this.#text.slice(this.#at, this.#at + 40))}`,
    );
  }
}

function unescaped(all: string, hash: string, name: string): string {
  if (hash === '') return NAMED[name] ?? all;
  const code = name.startsWith('x') ? Number.parseInt(name.slice(1), 16) : Number.parseInt(name, 10);
  return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
}
