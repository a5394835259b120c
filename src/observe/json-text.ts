// Lines of JSON logs become UTF-8 bytes that are safe to show.
import { toBytes } from '../route/template.ts';

// JSON leaves these as they are, terminals obey some of them (0x9b begins an escape sequence).
const CONTROLS = /[\x7f-\x9f]/;
const CONTROLS_ALL = /[\x7f-\x9f]/g;

/** A line of JSON → the bytes to write, as latin1. */
export function encodeJsonLine(line: string): string {
  if (!CONTROLS.test(line)) return toBytes(line);
  return toBytes(line.replace(CONTROLS_ALL, (c) => `\\u00${c.charCodeAt(0).toString(16)}`));
}
