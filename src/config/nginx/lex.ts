// nginx.conf text to tokens, by the rules of nginx's own reader (ngx_conf_read_token). Wrong text gives error tokens
// and the reading goes on, so that one pass finds every problem of a file.
import { explainOddBlank, oddBlankIn, places, withoutBom } from '../places.ts';
import type { Position, Word } from '../tree.ts';
import { behindBraces, quoteAdvice } from './brace-in-word.ts';

export type Token =
  | (Word & {
      readonly kind: 'word' /** Line of its last character: a quoted word may span lines. */;
      readonly endLine: number;
      /** Where a word without quotes has a blank that separates nothing, and what is said of it. */
      readonly oddBlank?: { readonly at: Position; readonly message: string };
    })
  | { readonly kind: ';' | '{' | '}'; readonly at: Position }
  | { readonly kind: 'error'; readonly at: Position; readonly message: string }
  /** Always the last one, just behind the last character that is not blank. */
  | { readonly kind: 'end'; readonly at: Position };

/** All tokens of a configuration. */
export function lex(source: string, file: string): Token[] {
  const tokens: Token[] = [];
  eachToken(source, file, (token) => tokens.push(token));
  return tokens;
}

type Take = (token: Token) => void;
/** Offsets of the text without its byte order mark, from the `#` to the line's end. */
type OnComment = (text: string, start: number, end: number) => void;
type Place = (offset: number) => Position;

/** Splits a configuration into tokens, one after the other. Never throws; the time is linear in the length of the text. */
export function eachToken(source: string, file: string, take: Take, onComment?: OnComment): void {
  const text = withoutBom(source);
  const place = places(text, file);
  let p = 0;
  for (;;) {
    p = skipBlank(text, p, onComment);
    if (p >= text.length) break;
    const c = text[p];
    if (c === ';' || c === '{' || c === '}') {
      take({ kind: c, at: place(p) });
      p++;
    } else p = takeWord(take, text, p, place);
  }
  take({ kind: 'end', at: place(text.trimEnd().length) });
}

/** Reads the word at p, reports what is wrong with its quotes, and returns where to go on. */
function takeWord(take: Take, text: string, p: number, place: Place): number {
  const read = readWord(text, p, true);
  if (read.problem === undefined) {
    const whole = text[p] === '"' || text[p] === "'" ? read : withBraces(text, p, read);
    if (whole !== read)
      take({ kind: 'error', at: place(read.end), message: quoteAdvice(text.slice(p, whole.end)) });
    take(wordToken(whole, text, p, place));
    return whole.end;
  }
  // A quote that runs over lines and is then followed by text has most likely lost its partner on its first line: what closed it
  // opens the next quoted word. Reading on behind that line keeps the rest of the file readable. Each quote character is
  // passed over at most twice this way.
  const runaway = read.problem === 'unclosed' || text.slice(p, read.end).includes('\n');
  const line = place(read.end).line;
  take({
    kind: 'error',
    at: place(runaway ? p : read.end),
    message:
      read.problem === 'unclosed'
        ? `this quote is never closed: is a ${text[p]} missing at the end of the word?`
        : `${explainGlued(text, read.end)}${runaway ? ` at line ${line}: is a ${text[p]} missing on this line?` : ''}`,
  });
  const kept = runaway ? lineOfQuote(text, p) : read;
  take(wordToken(kept, text, p, place));
  return runaway ? kept.end : endOfPlain(text, read.end, true);
}

function wordToken(raw: RawWord, text: string, p: number, place: Place): Token {
  const at = place(p);
  // Between its quotes it may have lines.
  const endLine = text[p] === '"' || text[p] === "'" ? place(Math.max(p, raw.end - 1)).line : at.line;
  const oddBlank = oddBlankOf(text, p, raw.end, place);
  return oddBlank === undefined
    ? { kind: 'word', text: raw.text, at, endLine }
    : { kind: 'word', text: raw.text, at, endLine, oddBlank };
}

/** The word with the braces inside of it, where they are clearly its own. */
function withBraces(text: string, p: number, read: RawWord): RawWord {
  let { end } = read;
  for (let behind = end; text[end] === '{'; ) {
    const next = behindBraces(text, behind);
    if (next === undefined) break;
    end = endOfPlain(text, next, true);
    behind = end;
  }
  return end === read.end ? read : { text: unescaped(text.slice(p, end)), end };
}

function oddBlankOf(text: string, p: number, end: number, place: Place) {
  const word = text.slice(p, end);
  if (!BEYOND_ASCII.test(word)) return undefined;
  const offset = word.startsWith('"') || word.startsWith("'") ? -1 : oddBlankIn(word);
  return offset === -1 ? undefined : { at: place(p + offset), message: explainOddBlank(word, offset) };
}

const BEYOND_ASCII = /[^\x00-\x7f]/;

/** The rest of the line as the word, without the `;` or `{` that ends the statement. */
function lineOfQuote(text: string, p: number): RawWord {
  const newline = text.indexOf('\n', p);
  const line = text.slice(p + 1, newline === -1 ? text.length : newline);
  let end = line.length;
  while (end > 0 && (isSpace(line[end - 1]) || line[end - 1] === ';' || line[end - 1] === '{')) end--;
  const kept = line.slice(0, end);
  return { text: unescaped(kept), end: p + 1 + kept.length };
}

function explainGlued(text: string, p: number): string {
  return `unexpected "${String.fromCodePoint(text.codePointAt(p) ?? 0)}" directly after a closing quote`;
}

export interface RawWord {
  readonly text: string;
  /** Offset behind the word. */
  readonly end: number;
  /** `unclosed`: no closing quote to the end of the text. `glued`: a character stands directly behind the closing quote. */
  readonly problem?: 'unclosed' | 'glued';
}

/**
 * Splits a text into words by nginx's rules of quotes and backslashes alone: `;`, `{`, `}` and `#` are ordinary characters, as in a
 * JSON string there is no statement to end and no line to comment out. Offsets are those of the words in the text.
 */
export function splitWords(text: string): {
  readonly words: readonly { readonly text: string; readonly offset: number }[];
  readonly problem?: { readonly message: string; readonly offset: number };
} {
  const words = [];
  for (let p = skipSpace(text, 0); p < text.length; ) {
    const { text: word, end, problem } = readWord(text, p, false);
    if (problem === 'unclosed')
      return { words, problem: { message: 'this quote is never closed', offset: p } };
    if (problem === 'glued') return { words, problem: { message: explainGlued(text, end), offset: end } };
    words.push({ text: word, offset: p });
    p = skipSpace(text, end);
  }
  return { words };
}

/** Reads one word that begins at p. With `structure`, `;` and `{` end it too. */
function readWord(text: string, p: number, structure: boolean): RawWord {
  const quote = text[p];
  if (quote !== '"' && quote !== "'") {
    const end = endOfPlain(text, p, structure);
    return { text: unescaped(text.slice(p, end)), end };
  }
  let close = p + 1;
  while (close < text.length && text[close] !== quote) close += text[close] === '\\' ? 2 : 1;
  if (close >= text.length)
    return { text: unescaped(text.slice(p + 1)), end: text.length, problem: 'unclosed' };
  const end = close + 1;
  const word = unescaped(text.slice(p + 1, close));
  // `)` may follow, so that `if ($a = "b")` needs no blank before it; it begins the next word.
  if (end >= text.length || isSpace(text[end]) || text[end] === ')') return { text: word, end };
  if (structure && (text[end] === ';' || text[end] === '{')) return { text: word, end };
  return { text: word, end, problem: 'glued' };
}

/** Where a word without quotes ends. A quote inside is an ordinary character, and `${` opens no block. */
function endOfPlain(text: string, from: number, structure: boolean): number {
  let variable = false;
  let p = from;
  while (p < text.length) {
    const c = text[p];
    if (isSpace(c) || (structure && (c === ';' || (c === '{' && !variable)))) return p;
    variable = c === '$' || (c === '{' && variable);
    p += c === '\\' ? 2 : 1;
  }
  return text.length;
}

/** A backslash before anything else stays, as regular expressions want it. */
function unescaped(raw: string): string {
  if (!raw.includes('\\')) return raw;
  return raw.replace(/\\(["'\\trn])/g, (_, c: string) => ESCAPES[c] ?? c);
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n' };

function isSpace(c: string): boolean {
  return c === ' ' || c === '\t' || c === '\r' || c === '\n';
}

function skipSpace(text: string, p: number): number {
  let at = p;
  while (at < text.length && isSpace(text[at])) at++;
  return at;
}

/** Skips blanks and comments. Only here, at the start of a word, does `#` begin a comment. */
function skipBlank(text: string, p: number, onComment?: OnComment): number {
  let at = skipSpace(text, p);
  while (text[at] === '#') {
    const newline = text.indexOf('\n', at);
    onComment?.(text, at, newline === -1 ? text.length : newline);
    at = newline === -1 ? text.length : skipSpace(text, newline);
  }
  return at;
}
