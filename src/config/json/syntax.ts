// JSON text (comments and trailing commas allowed) to jsonc-parser's nodes, with every syntax error in plain words.
import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { explainOddBlank } from '../places.ts';
import type { Problems } from '../problem.ts';
import type { Position } from '../tree.ts';

interface Source {
  readonly text: string;
  readonly place: (offset: number) => Position;
  readonly problems: Problems;
}

/** jsonc-parser recurses; a text whose brackets nest deeper than this is not given to it. */
const MAX_DEPTH = 500;

/** Parses the text; undefined when there is nothing to read in it. Keys that stand twice in an object are errors. */
export function parseJson(source: Source): Node | undefined {
  const plain = withoutHashLines(source);
  const { tooDeep, unclosed, swallowed, oddBlanks } = scanBrackets(plain);
  for (const offset of oddBlanks)
    source.problems.tally('error', source.place(offset), explainOddBlank(plain, offset));
  reportUnclosed(source, unclosed);
  if (tooDeep !== undefined) {
    const message = `brackets nest more than ${MAX_DEPTH} deep: are closing ones missing before this?`;
    return source.problems.error(source.place(tooDeep), message);
  }
  const errors: ParseError[] = [];
  const root = parseTree(withPlainBlanks(plain, oddBlanks), errors, { allowTrailingComma: true });
  reportErrors(source, errors, unclosed.length > 0 || swallowed);
  if (root !== undefined) reportDuplicates(source, root);
  return root;
}

/** Comments, which may hold anything, strings, and lines that begin with `#`. One that is never closed goes to the end. */
const PASSED_OVER = /\/\*[\s\S]*?(?:\*\/|(?![\s\S]))|\/\/.*|"(?:\\.|[^"\\\n])*"?|^([ \t]*)#.*$/gm;

/** The text with blanks for lines that begin with `#`, of which the first is reported. */
function withoutHashLines({ text, place, problems }: Source): string {
  let told = false;
  return text.replace(PASSED_OVER, (line: string, before: string | undefined, offset: number) => {
    if (before === undefined) return line;
    if (!told) problems.error(place(offset + before.length), NO_HASH);
    told = true;
    return ' '.repeat(line.length);
  });
}

const NO_HASH = '"#" begins no comment in JSON; write //';

interface Bracket {
  readonly open: string;
  readonly offset: number;
}

interface Brackets {
  /** Where they nest too deeply for the parser; the scan ends there. */
  readonly tooDeep?: number;
  /** In the order of the text. */
  readonly unclosed: readonly Bracket[];
  /** An unclosed quote took closing brackets with it, which the parser will miss. */
  readonly swallowed: boolean;
  /** Where blanks that are none stand outside of quotes. */
  readonly oddBlanks: readonly number[];
}

/** With plain ones in their places, so that nothing else is said of them. */
function withPlainBlanks(text: string, oddBlanks: readonly number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const offset of oddBlanks) {
    parts.push(text.slice(from, offset));
    from = offset + 1;
  }
  return [...parts, text.slice(from)].join(' ');
}

function scanBrackets(text: string): Brackets {
  const scanner = createScanner(text, true);
  const open: Bracket[] = [];
  const lost: Bracket[] = [];
  // How the parser sees it: a closing bracket of the wrong kind closes nothing. An upper bound of its recursion.
  const nesting: string[] = [];
  const oddBlanks: number[] = [];
  let swallowed = false;
  // Behind a comment that is never closed, the scanner's end of the text has a length: its offset alone tells.
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const offset = scanner.getTokenOffset();
    const token = text.slice(offset, offset + scanner.getTokenLength());
    if (token === '{' || token === '[') {
      open.push({ open: token, offset });
      if (nesting.push(token) > MAX_DEPTH) return { tooDeep: offset, unclosed: lost, swallowed, oddBlanks };
      continue;
    }
    if (!/^["/]/.test(token))
      for (const { index } of token.matchAll(/(?! )\p{Zs}/gu)) oddBlanks.push(offset + index);
    if (nesting.length > 0 && nesting.at(-1) === PARTNER[token]) nesting.pop();
    const taken = /^"[^"]*$/.test(token) ? trailingOf(token) : '';
    swallowed ||= /[}\]]/.test(taken);
    for (const c of taken === '' ? token[0] : taken) {
      const partner = open.findLastIndex((bracket) => bracket.open === PARTNER[c]);
      if (partner !== -1) lost.push(...open.splice(partner).slice(1));
    }
  }
  return { unclosed: [...lost, ...open].sort((a, b) => a.offset - b.offset), swallowed, oddBlanks };
}

/** What was meant to follow a quote that is never closed. */
function trailingOf(token: string): string {
  let start = token.length;
  while (start > 0 && /[}\],\s]/.test(token[start - 1])) start--;
  return token.slice(start);
}

const PARTNER: Readonly<Record<string, string>> = { '}': '{', ']': '[' };

/** Errors that the parser also gives as an echo of the error before them. */
const ECHOES: ReadonlySet<string> = new Set([
  'ValueExpected',
  'PropertyNameExpected',
  'CommaExpected',
  'ColonExpected',
]);

function reportErrors(source: Source, errors: readonly ParseError[], mayStray: boolean): void {
  let last: Position | undefined;
  let astray = false;
  let symbols = false;
  let wasSymbol = false;
  let hashLine = 0;
  for (const error of errors) {
    const code = printParseErrorCode(error.error);
    const token = source.text.slice(error.offset, error.offset + error.length);
    // What is meant as a comment, and where the parser lost its way behind a word without quotes.
    if (source.place(error.offset).line === hashLine || (symbols && code === 'EndOfFileExpected')) continue;
    // The value that is missing behind a word without quotes is that word.
    if (wasSymbol && code === 'ValueExpected' && /^[}\]]/.test(token)) continue;
    wasSymbol = code === 'InvalidSymbol';
    symbols ||= wasSymbol;
    if (token.startsWith('#')) hashLine = source.place(error.offset).line;
    // Behind a bracket that the parser sees no partner of, it takes keys for elements, or elements for keys: what it says of
    // them is noise, and the cause has been reported.
    astray ||= mayStray && (token === '' || (code === 'CommaExpected' && /[:}\]]/.test(token)));
    if (astray && (ECHOES.has(code) || code.startsWith('Close'))) continue;
    const inside = code === 'InvalidEscapeCharacter' ? (GOOD_START.exec(token)?.[0].length ?? 0) : 0;
    const at = source.place(error.offset + inside);
    const echo = last?.line === at.line && (ECHOES.has(code) || last.column === at.column);
    last = at;
    if (!echo) source.problems.error(at, explain(code, token));
  }
}

/** The innermost few: which of them lacks its partner, the text cannot tell. */
function reportUnclosed(source: Source, unclosed: readonly Bracket[]): void {
  for (const { open, offset } of unclosed.slice(-5)) {
    source.problems.error(
      source.place(offset),
      `this "${open}" is never closed: a "${CLOSING[open]}" is missing`,
    );
  }
}

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']' };
/** Up to the first escape that is none. */
const GOOD_START = /^(?:[^\\]|\\["\\/bfnrtu])*/;

function explain(code: string, token: string): string {
  const shown = token.length > 30 ? `${token.slice(0, 30)}…` : token;
  switch (code) {
    case 'InvalidSymbol':
      return explainSymbol(shown);
    case 'PropertyNameExpected':
      return `unexpected "${shown}": a key in double quotes is expected here`;
    case 'ValueExpected':
      return token === ''
        ? 'unexpected end of file: a value is expected'
        : `unexpected "${shown}": a value is expected here`;
    case 'ColonExpected':
      return 'a ":" is missing between the key and its value';
    case 'CommaExpected':
      if (token === ':') return 'unexpected ":" in a list, [ … ]: keys stand in an object, { … }';
      return /^[}\]]/.test(token)
        ? `unexpected "${token}": it closes nothing`
        : 'a "," is missing before this';
    case 'EndOfFileExpected':
      return `unexpected "${shown}" behind the end of the configuration: is there a closing bracket too many?`;
    case 'UnexpectedEndOfString':
      return 'this quote is never closed: a " is missing on this line';
    case 'UnexpectedEndOfComment':
      return 'this comment is never closed: a */ is missing';
    case 'InvalidEscapeCharacter':
      return 'no such escape in JSON: write a backslash as \\\\';
    case 'InvalidUnicode':
      return 'four hexadecimal digits must follow \\u';
    case 'InvalidCharacter':
      return 'a tab or control character inside quotes: write a tab as \\t';
    default:
      return `${shown} is not a number`;
  }
}

function explainSymbol(token: string): string {
  if (/^(?:True|False|TRUE|FALSE)$/.test(token)) return `JSON writes ${token.toLowerCase()}`;
  if (/^(?:None|nil|undefined|NaN|NULL)$/.test(token)) return `JSON has no ${token}: leave the key out`;
  if (token.startsWith('#')) return NO_HASH;
  if (token === '=' || token === '=>') return `a ":" stands between a key and its value, not "${token}"`;
  if (token === ';') return 'a "," stands between two values, not ";"';
  const inside = /^'(.*)'$/.exec(token)?.[1];
  if (inside !== undefined) return `JSON has double quotes: write "${inside}"`;
  if (/^[A-Za-z_$][\w$-]*$/.test(token)) return `keys and text stand in double quotes: write "${token}"`;
  return `unexpected ${token}: keys and text stand in double quotes`;
}

function reportDuplicates(source: Source, node: Node): void {
  const first = new Map<string, number>();
  for (const child of node.children ?? []) {
    const key = child.type === 'property' ? child.children?.[0] : undefined;
    if (key !== undefined) {
      const before = first.get(key.value);
      if (before === undefined) first.set(key.value, source.place(key.offset).line);
      else {
        const message = `the key "${key.value}" stands twice: the first one is at line ${before}; put several values in a list, [ … ]`;
        source.problems.error(source.place(key.offset), message);
      }
    }
    reportDuplicates(source, child);
  }
}
