// Reads the XML of a request: elements, text, comments, CDATA, the five entities and character references. Nothing else: no DTD (so no
// entities of a request's own making), no namespaces. Each element is handed to `fold` as it ends, its children folded already.

/** An element as it ends; `content` is the text before its first child, or what `fold` has put there. */
export interface XmlElement<T> {
  readonly tag: string;
  content: T | string | null;
  children: XmlElement<T>[];
}

export class XmlError extends Error {}

const MAX_DEPTH = 200;
const NAME = /[A-Za-z_\u0080-\uffff][\w.\-\u0080-\uffff]*/y;
const ATTRIBUTE = /\s+([A-Za-z_\u0080-\uffff][\w.\-\u0080-\uffff]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;
const DECLARATION = /^<\?xml\s[^>?]*\?>/;
const ENTITY = /&(?:#(\d{1,7})|#x([\dA-Fa-f]{1,6})|([A-Za-z]+));/y;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** What XML 1.0 does not allow in a document, as UTF-16. */
const NOT_XML =
  /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** The document's root, after `fold` has seen it. Throws XmlError. */
export function readXml<T>(document: string, fold: (element: XmlElement<T>) => void): XmlElement<T> {
  if (NOT_XML.test(document)) throw new XmlError('a character that XML does not allow');
  const text = document.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const stack: XmlElement<T>[] = [];
  let root: XmlElement<T> | null = null;
  const close = (): void => {
    const ended = stack.pop();
    if (ended !== undefined) fold(ended);
  };
  let at = DECLARATION.exec(text)?.[0].length ?? 0;
  while (at < text.length) {
    const next = text.indexOf('<', at);
    const end = next < 0 ? text.length : next;
    addText(stack.at(-1), text.slice(at, end));
    if (next < 0) break;
    const skipped = skipAside(text, next, stack.at(-1));
    if (skipped > 0) {
      at = skipped;
    } else if (text[next + 1] === '/') {
      at = readEnd(text, next, stack.at(-1));
      close();
    } else {
      if (root !== null && stack.length === 0) throw new XmlError('more than one element at the top');
      const start = readStart(text, next);
      const element: XmlElement<T> = { tag: start.tag, content: null, children: [] };
      stack.at(-1)?.children.push(element);
      root ??= element;
      if (stack.push(element) > MAX_DEPTH) throw new XmlError('elements lie too deep');
      if (start.empty) close();
      at = start.end;
    }
  }
  if (root === null || stack.length > 0) throw new XmlError('the document ends too early');
  return root;
}

/** Past a comment, a CDATA section (whose text is added) or a processing instruction; 0 where there is none. */
function skipAside<T>(text: string, at: number, parent: XmlElement<T> | undefined): number {
  if (text.startsWith('<!--', at)) {
    const end = text.indexOf('--', at + 4);
    if (end < 0 || text[end + 2] !== '>') throw new XmlError('a comment without its end');
    return end + 3;
  }
  if (text.startsWith('<![CDATA[', at)) {
    const end = text.indexOf(']]>', at);
    if (end < 0 || parent === undefined)
      throw new XmlError('CDATA without its end, or outside of the document');
    append(parent, text.slice(at + 9, end));
    return end + 3;
  }
  if (text.startsWith('<?', at)) {
    const end = text.indexOf('?>', at);
    if (end < 0 || !/^[A-Za-z_]/.test(text[at + 2]) || /^<\?xml[\s?]/i.test(text.slice(at, at + 6)))
      throw new XmlError('a processing instruction that is none');
    return end + 2;
  }
  if (text.startsWith('<!', at)) throw new XmlError('a document type is not taken');
  return 0;
}

function readStart(text: string, at: number): { tag: string; empty: boolean; end: number } {
  const tag = nameAt(text, at + 1);
  let end = at + 1 + tag.length;
  const seen = new Set<string>();
  for (;;) {
    ATTRIBUTE.lastIndex = end;
    const attribute = ATTRIBUTE.exec(text);
    if (attribute === null) break;
    const [whole, name, double, single] = attribute;
    if (seen.has(name) || name.startsWith('xmlns')) throw new XmlError(`attribute "${name}" is not taken`);
    seen.add(name);
    decode(double ?? single);
    end += whole.length;
  }
  TAG_END.lastIndex = end;
  const closing = TAG_END.exec(text);
  if (closing === null) throw new XmlError(`<${tag}> has no end`);
  return { tag, empty: closing[1] !== '', end: end + closing[0].length };
}

function readEnd<T>(text: string, at: number, open: XmlElement<T> | undefined): number {
  const tag = nameAt(text, at + 2);
  TAG_END.lastIndex = at + 2 + tag.length;
  const closing = TAG_END.exec(text);
  if (closing === null || closing[1] !== '' || open?.tag !== tag)
    throw new XmlError(`</${tag}> ends nothing`);
  return at + 2 + tag.length + closing[0].length;
}

function nameAt(text: string, at: number): string {
  NAME.lastIndex = at;
  const name = NAME.exec(text)?.[0];
  if (name === undefined) throw new XmlError('"<" without a name');
  return name;
}

function addText<T>(parent: XmlElement<T> | undefined, raw: string): void {
  if (raw === '') return;
  if (raw.includes(']]>')) throw new XmlError('"]]>" in text');
  if (parent !== undefined) append(parent, decode(raw));
  else if (/[^ \t\n]/.test(raw)) throw new XmlError('text outside of the document');
}

/** Text after a child is of no use to anyone. */
function append<T>(parent: XmlElement<T>, text: string): void {
  if (parent.children.length > 0) return;
  parent.content = typeof parent.content === 'string' ? parent.content + text : text;
}

function decode(raw: string): string {
  if (!raw.includes('&')) return raw;
  let out = '';
  for (let at = 0; at < raw.length; ) {
    const next = raw.indexOf('&', at);
    if (next < 0) return out + raw.slice(at);
    ENTITY.lastIndex = next;
    const found = ENTITY.exec(raw);
    if (found === null) throw new XmlError('"&" without an entity');
    out += raw.slice(at, next) + characterOf(found);
    at = next + found[0].length;
  }
  return out;
}

function characterOf([whole, decimal, hex, name]: RegExpExecArray): string {
  if (name !== undefined) {
    const character = Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined;
    if (character === undefined) throw new XmlError(`unknown entity ${whole}`);
    return character;
  }
  const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
  const character = code <= 0x10ffff ? String.fromCodePoint(code) : '\0';
  if (NOT_XML.test(character)) throw new XmlError(`${whole} is no character of XML`);
  return character;
}
