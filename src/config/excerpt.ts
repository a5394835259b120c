// How texts of a file are shown to people: control characters by name, long lines around the place in question, a caret under it.

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\r', '\\r'],
]);

/** Of such kinds of letters: reading these patterns takes V8 a millisecond, and most starts print nothing. */
let made: ReturnType<typeof makePatterns> | null = null;

function makePatterns() {
  // What no terminal shows, or what makes it show something else: control and format characters, odd blanks, halves of characters.
  const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
  return {
    hidden,
    allHidden: new RegExp(hidden, 'gu'),
    // Two cells of a terminal: East Asian letters and signs, emoji.
    wide: /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u,
    // Drawn onto the character before.
    combining: /\p{Mn}|\p{Me}|[\u1160-\u11FF]/u,
  };
}

function patterns(): ReturnType<typeof makePatterns> {
  made ??= makePatterns();
  return made;
}

/** A message is printed in at most this many characters: a word of it may be as long as the file. */
const MAX_TEXT = 400;
/** Cells of a terminal that a line of a source may take. */
const MAX_CELLS = 120;
const TAB_CELLS = 8;
/** What is looked at on either side of the caret; more than fits, also where many characters are drawn onto one. */
const MAX_UNITS = 500;

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code > 0xffff) return `\\u{${digits}}`;
  return (
    SHORT.get(character) ?? (code < 0x80 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`)
  );
}

/** A text in one line that says what is in it and does nothing to a terminal; the middle of a long one is left out. */
export function shownText(text: string): string {
  const short =
    text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT * 0.6)}…${text.slice(-MAX_TEXT * 0.4)}`;
  return short.replace(patterns().allHidden, escapeOf);
}

interface Cell {
  readonly shown: string;
  readonly width: number;
}

function cellOf(character: string): Cell {
  if (character === '\t') return { shown: character, width: TAB_CELLS };
  if (patterns().hidden.test(character)) {
    const shown = escapeOf(character);
    return { shown, width: shown.length };
  }
  if (patterns().combining.test(character)) return { shown: character, width: 0 };
  return { shown: character, width: patterns().wide.test(character) ? 2 : 1 };
}

/** As many of the cells, from the first on, as have room, with a mark where some are left out. */
function fitting(cells: readonly Cell[], room: number, more: boolean): readonly Cell[] {
  let width = 0;
  let end = 0;
  while (end < cells.length && width + cells[end].width <= room) width += cells[end++].width;
  return end === cells.length && !more ? cells : [...cells.slice(0, end), ELLIPSIS];
}

const ELLIPSIS: Cell = { shown: '…', width: 1 };

/** Without the mark, which has a cell of its own. */
function widthOf(cells: readonly Cell[]): number {
  return cells.reduce((width, cell) => (cell === ELLIPSIS ? width : width + cell.width), 0);
}

/**
 * The part of a line around a column, which counts from 1 in UTF-16 units, and under it a line with a caret that stands under the
 * character of that column.
 */
export function excerptOf(line: string, column: number): readonly [text: string, caret: string] {
  const at = Math.min(column - 1, line.length);
  const from = Math.max(0, at - MAX_UNITS);
  const before = Array.from(line.slice(from, at), cellOf).reverse();
  const behind = Array.from(line.slice(at, at + MAX_UNITS), cellOf);
  const goesOn = at + MAX_UNITS < line.length;
  const least = fitting(behind, MAX_CELLS / 2, goesOn);
  const left = fitting(before, MAX_CELLS - widthOf(least), from > 0).toReversed();
  const right = fitting(behind, MAX_CELLS - widthOf(left), goesOn);
  const text = [...left, ...right].map((cell) => cell.shown).join('');
  // A tab is as wide as its place makes it: the same one stands under it.
  const pad = left.map(({ shown, width }) => (shown === '\t' ? shown : ' '.repeat(width))).join('');
  return [text, `${pad}^`];
}
