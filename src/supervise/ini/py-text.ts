// Python's idea of blanks, lines and whole numbers, which supervisord.conf is read by: JavaScript's differ in a few characters.

/** str.isspace(): what strip(), split() and \s of re take. Not U+FEFF, which JavaScript counts; U+1C to U+1F and U+85, which it does not. */
const SPACE =
  '\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const IS_SPACE = new RegExp(`^[${SPACE}]$`);
const AROUND = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, 'g');
const BEHIND = new RegExp(`[${SPACE}]+$`);
const NOT_SPACE = new RegExp(`[^${SPACE}]`);
const SPACES = new RegExp(`[${SPACE}]+`);

export function isSpace(character: string): boolean {
  return IS_SPACE.test(character);
}

export function strip(text: string): string {
  return text.replace(AROUND, '');
}

export function stripEnd(text: string): string {
  return text.replace(BEHIND, '');
}

/** Where the first character stands that is no blank; 0 in a blank text, as configparser counts an indent. */
export function indentOf(line: string): number {
  return Math.max(0, line.search(NOT_SPACE));
}

/** str.split() */
export function splitOnSpace(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== '');
}

/** The lines of a text file as Python opens it: CRLF and a lone CR end a line too. */
export function withUnixLines(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

/** int(text): a sign, blanks around and single underscores between digits are fine. Undefined when it is no whole number. */
export function wholeNumber(text: string): number | undefined {
  const bare = strip(text);
  if (!/^[+-]?\d+(?:_\d+)*$/.test(bare)) return undefined;
  return Number(bare.replaceAll('_', '')) + 0;
}

/** int(text, 8): `0o` in front is fine. */
export function octalNumber(text: string): number | undefined {
  const m = /^([+-]?)(?:0[oO]_?)?([0-7]+(?:_[0-7]+)*)$/.exec(strip(text));
  if (m === null) return undefined;
  const value = Number.parseInt(m[2].replaceAll('_', ''), 8);
  return m[1] === '-' ? -value : value;
}
