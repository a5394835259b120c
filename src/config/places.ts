// Offsets of a text to line and column, for both syntaxes.
import type { Position } from './tree.ts';

/** Gives the place of an offset (UTF-16 units) in a text. Lines end with LF, as nginx counts them. */
export function places(text: string, file: string): (offset: number) => Position {
  const starts = [0];
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
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
