// How many columns a text takes on a terminal, and texts that are cut to so many: Chinese, Japanese, Korean and emoji take two.

type Width = (text: string) => number;

let ofAny: Width | null = null;
let loading: Promise<void> | null = null;

/** Loads what knows all letters: only who shows lines needs it. Never rejects. */
export function loadWidths(): Promise<void> {
  loading ??= import('string-width').then(
    ({ default: width }) => {
      ofAny = width;
    },
    () => undefined,
  );
  return loading;
}

/** Near enough for the first line: from Hangul on letters are wide. */
const roughly: Width = (text) => {
  let columns = 0;
  for (const letter of text) columns += (letter.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1;
  return columns;
};

const PLAIN = /^[\x20-\x7e]*$/;

export function textWidth(text: string): number {
  return PLAIN.test(text) ? text.length : (ofAny ?? roughly)(text);
}

const ELLIPSIS = '…';

/** Without its middle where it is wider than `columns`. */
export function cutMiddle(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 2) return ELLIPSIS.slice(0, columns);
  const left = Math.ceil((columns - 1) / 2);
  return fitStart(text, left) + ELLIPSIS + fitEnd(text, columns - 1 - left);
}

/** Without its end. */
export function cutEnd(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  return columns < 1 ? '' : fitStart(text, columns - 1) + ELLIPSIS;
}

/** Filled with blanks. */
export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - textWidth(text)));
}

let segmenter: Intl.Segmenter | null = null;

/** What people take for one letter each. What knows them takes 20 ms to make: most processes never ask. */
function lettersOf(text: string): string[] {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** What people take for one letter is never cut. */
function within(parts: Iterable<string>, columns: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const part of parts) {
    used += textWidth(part);
    if (used > columns) break;
    taken.push(part);
  }
  return taken;
}

/** As much of it, from its start on, as has room. */
export function fitStart(text: string, columns: number): string {
  if (PLAIN.test(text)) return text.slice(0, columns);
  return within(lettersOf(text), columns).join('');
}

function fitEnd(text: string, columns: number): string {
  if (PLAIN.test(text)) return columns === 0 ? '' : text.slice(-columns);
  return within(lettersOf(text).reverse(), columns).reverse().join('');
}
