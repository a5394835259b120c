// The name of a certificate's subject or issuer in the two forms that nginx has variables for: RFC 2253 as OpenSSL prints it
// (X509_NAME_print_ex, XN_FLAG_RFC2253), and the one line of old (X509_NAME_oneline).
import { elementsOf, objectId, SET } from './der.ts';

/** One attribute of a name. */
interface Attribute {
  readonly id: string;
  /** ASN.1's tag of the value. */
  readonly type: number;
  readonly value: Buffer;
  /** The value with tag and length. */
  readonly whole: Buffer;
  /** The set of attributes that it stands in. */
  readonly set: number;
}

/** `der` is the content of a Name: a sequence of sets of attributes. */
function attributesOf(der: Buffer): Attribute[] {
  return elementsOf(der).flatMap(({ tag, content }, set) =>
    tag !== SET
      ? []
      : elementsOf(content).flatMap((pair) => {
          const [id, value] = elementsOf(pair.content);
          if (id === undefined || value === undefined) return [];
          return [
            { id: objectId(id.content), type: value.tag, value: value.content, whole: value.whole, set },
          ];
        }),
  );
}

/** The last attribute first; what cannot be printed as text is its DER in hexadecimal digits. */
export function rfc2253(der: Buffer): string {
  let text = '';
  let set = -1;
  for (const attribute of attributesOf(der).reverse()) {
    if (text !== '') text += attribute.set === set ? '+' : ',';
    set = attribute.set;
    const name = SHORT_NAMES.get(attribute.id);
    const chars = name === undefined ? undefined : charsOf(attribute);
    const value = chars === undefined ? `#${attribute.whole.toString('hex').toUpperCase()}` : escaped(chars);
    text += `${name ?? attribute.id}=${value}`;
  }
  return text;
}

/** `/C=…/CN=…` */
export function oneLine(der: Buffer): string {
  let text = '';
  let set = -1;
  for (const attribute of attributesOf(der)) {
    text += attribute.set === set ? '+' : '/';
    set = attribute.set;
    text += `${SHORT_NAMES.get(attribute.id) ?? attribute.id}=`;
    for (const byte of attribute.value) {
      if (byte < 0x20 || byte > 0x7e) text += `\\x${hex(byte)}`;
      else text += (byte === 0x2f || byte === 0x2b ? '\\' : '') + String.fromCharCode(byte);
    }
  }
  return text;
}

const UTF8 = 12;
const UNIVERSAL = 28;
const BMP = 30;
/** Types with one byte a character: numeric, printable, T61, IA5, both times, visible. */
const BYTES: ReadonlySet<number> = new Set([18, 19, 20, 22, 23, 24, 26]);

/** Undefined where the type is no text. */
function charsOf({ type, value }: Attribute): string | undefined {
  if (type === UTF8) return value.toString('utf8');
  if (BYTES.has(type)) return value.latin1Slice();
  if (type === BMP && value.length % 2 === 0) return Buffer.from(value).swap16().toString('utf16le');
  if (type !== UNIVERSAL || value.length % 4 !== 0) return undefined;
  let text = '';
  for (let i = 0; i < value.length; i += 4) {
    const code = value.readUInt32BE(i);
    if (code > 0x10ffff) return undefined;
    text += String.fromCodePoint(code);
  }
  return text;
}

/** Bytes of UTF-8 above ASCII and control characters as `\C3`, what the grammar needs behind a backslash. */
function escaped(chars: string): string {
  const bytes = Buffer.from(chars, 'utf8');
  let text = '';
  for (const [i, byte] of bytes.entries()) {
    const char = String.fromCharCode(byte);
    const atEdge = (i === 0 && /[# ]/.test(char)) || (i === bytes.length - 1 && char === ' ');
    if (byte < 0x20 || byte > 0x7e) text += `\\${hex(byte)}`;
    else text += atEdge || /[,+"\\<>;]/.test(char) ? `\\${char}` : char;
  }
  return text;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}

/** OpenSSL's short names of what stands in names of certificates. */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ...(
    [
      [3, 'CN'],
      [4, 'SN'],
      [5, 'serialNumber'],
      [6, 'C'],
      [7, 'L'],
      [8, 'ST'],
      [9, 'street'],
      [10, 'O'],
      [11, 'OU'],
      [12, 'title'],
      [13, 'description'],
      [14, 'searchGuide'],
      [15, 'businessCategory'],
      [16, 'postalAddress'],
      [17, 'postalCode'],
      [18, 'postOfficeBox'],
      [19, 'physicalDeliveryOfficeName'],
      [20, 'telephoneNumber'],
      [41, 'name'],
      [42, 'GN'],
      [43, 'initials'],
      [44, 'generationQualifier'],
      [45, 'x500UniqueIdentifier'],
      [46, 'dnQualifier'],
      [65, 'pseudonym'],
      [72, 'role'],
      [97, 'organizationIdentifier'],
    ] as const
  ).map(([n, name]): [string, string] => [`2.5.4.${n}`, name]),
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['0.9.2342.19200300.100.1.3', 'mail'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
  ['1.2.840.113549.1.9.2', 'unstructuredName'],
  ['1.2.840.113549.1.9.8', 'unstructuredAddress'],
  ['1.3.6.1.4.1.311.60.2.1.1', 'jurisdictionL'],
  ['1.3.6.1.4.1.311.60.2.1.2', 'jurisdictionST'],
  ['1.3.6.1.4.1.311.60.2.1.3', 'jurisdictionC'],
]);
