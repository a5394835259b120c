// Text for JSON logs: bytes of the wire become Unicode for the serializer, and its lines become UTF-8 bytes
// that are safe to show.
import { isUtf8 } from 'node:buffer';
import { toBytes } from '../route/template.ts';

/** Bytes as latin1 → text. What is not valid UTF-8 is read as ISO 8859-1, so that nothing is lost. */
export function decodeBytes(bytes: string): string {
  if (/^[\x00-\x7f]*$/.test(bytes)) return bytes;
  const raw = Buffer.from(bytes, 'latin1');
  return isUtf8(raw) ? raw.toString('utf8') : bytes;
}

// JSON leaves these as they are, terminals obey some of them (0x9b begins an escape sequence).
const CONTROLS = /[\x7f-\x9f]/;
const CONTROLS_ALL = /[\x7f-\x9f]/g;

/** A line of JSON → the bytes to write, as latin1. */
export function encodeJsonLine(line: string): string {
  if (!CONTROLS.test(line)) return toBytes(line);
  return toBytes(line.replace(CONTROLS_ALL, (c) => `\\u00${c.charCodeAt(0).toString(16)}`));
}
