// How two texts differ, line by line.

export interface DiffLine {
  readonly side: 'both' | 'left' | 'right';
  readonly text: string;
}

const MAX_LINES = 400;

export function lineDiff(left: string, right: string): DiffLine[] {
  const a = left.split(/\r?\n/).slice(0, MAX_LINES);
  const b = right.split(/\r?\n/).slice(0, MAX_LINES);
  const common = commonLengths(a, b);
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ side: 'both', text: a[i] });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
      lines.push({ side: 'left', text: a[i++] });
    } else {
      lines.push({ side: 'right', text: b[j++] });
    }
  }
  return lines;
}

/** Of the longest common lines of a from i on and b from j on. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint16Array[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i][j] =
        a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
  return lengths;
}
