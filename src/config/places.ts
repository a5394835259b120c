// Offsets of a text to line and column, for both syntaxes.
import type { Position } from './tree.ts';

/** Gives the place of an offset (UTF-16 units) in a text. Lines end with LF, as nginx counts them. */
export function places(text: string, file: string): (offset: number) => Position {
  const starts = [0];
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  let last = 0;
  return (offset) => {
    // A reader asks for one line after the other.
    if (starts[last] <= offset && (last + 1 === starts.length || offset < starts[last + 1]))
      return { file, line: last + 1, column: offset - starts[last] + 1 };
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    last = low;
    return { file, line: low + 1, column: offset - starts[low] + 1 };
  };
}

/** `file:line:column` of a model back to a place. */
export function positionOf(at: string): Position {
  const m = /^(.*):(\d+):(\d+)$/s.exec(at);
  return m === null
    ? { file: at, line: 1, column: 1 }
    : { file: m[1], line: Number(m[2]), column: Number(m[3]) };
}

/** The text without a byte order mark. Columns count without it, as editors show them. */
export function withoutBom(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** Blanks that look like one and are letters to nginx, such as the no-break space of web pages and word processors. */
const ODD_BLANK = /(?! )\p{Zs}/u;

/** The offset of the first odd blank of a text; -1 when there is none. */
export function oddBlankIn(text: string): number {
  return text.search(ODD_BLANK);
}

/** What is said of it. */
export function explainOddBlank(text: string, offset: number): string {
  const code = text.charCodeAt(offset);
  const name = code === 0xa0 ? 'a no-break space' : 'a blank of its own kind';
  const digits = code.toString(16).toUpperCase().padStart(4, '0');
  return `${name} (U+${digits}) stands here, which separates nothing: write a plain blank, or quote the word if it is meant`;
}
