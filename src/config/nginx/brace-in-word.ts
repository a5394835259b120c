// A `{` inside of a word: nginx ends the word there and begins a block. Regular expressions and placeholders show that it was not meant.

/** `{4}`, `{2,}`: nothing that a block could hold. */
const QUANTIFIER = /\{(?:\d+(?:,\d*)?|,\d+)\}/y;
/** `{port}`, `--host={name}`. */
const PLACEHOLDER = /\{(?:port|index)\}|(?<=[=:/._@-])\{[A-Za-z_]\w*\}/y;

/** The offset behind the braces that begin at p and belong to the word before them; undefined where a block begins. */
export function behindBraces(text: string, p: number): number | undefined {
  for (const pattern of [QUANTIFIER, PLACEHOLDER]) {
    pattern.lastIndex = p;
    if (pattern.test(text)) return pattern.lastIndex;
  }
  return undefined;
}

/** What is said of the word; the parenthesis that ends a condition does not belong to it. */
export function quoteAdvice(word: string): string {
  const surplus = word.endsWith(')') && word.split(')').length > word.split('(').length;
  const text = surplus ? word.slice(0, -1) : word;
  const quote = text.includes('"') ? "'" : '"';
  return `"{" begins a block, also inside of a word; put the word in quotes: ${quote}${text}${quote}`;
}
