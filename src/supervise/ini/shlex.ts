// Python's shlex in the two ways that Supervisor uses it: for commands as a POSIX shell splits words, for `environment` its old way.

const BLANKS = ' \t\r\n';

export interface CommandWord {
  readonly text: string;
  /** Some of it stood in quotes or behind a backslash. */
  readonly quoted: boolean;
  /** What a shell would expand is in it: not in single quotes, not behind a backslash. */
  readonly open: string;
}

/** Why a line cannot be split, in our words and in Python's. */
export interface SplitProblem {
  readonly problem: string;
  readonly python: string;
}

const NO_ESCAPED = 'No escaped character';
const NO_CLOSING = 'No closing quotation';

/** shlex.split(line). No character but quotes, backslash and blanks means anything. */
export function splitWords(line: string): readonly CommandWord[] | SplitProblem {
  const words: CommandWord[] = [];
  let word: { text: string; quoted: boolean; open: string } | undefined;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (BLANKS.includes(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= { text: '', quoted: false, open: '' };
    if (c === '\\') {
      if (++i === line.length)
        return { problem: 'it ends in a backslash that escapes nothing', python: NO_ESCAPED };
      word.text += line[i];
      word.quoted = true;
    } else if (c === "'" || c === '"') {
      const quoted = quotedAt(line, i + 1, c);
      if (typeof quoted === 'string')
        return { problem: `the quote ${c} at its character ${i + 1} is not closed`, python: quoted };
      word.text += quoted.text;
      word.quoted = true;
      if (c === '"') word.open += quoted.text;
      i = quoted.end;
    } else {
      word.text += c;
      word.open += c;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** In double quotes a backslash escapes `"` and itself, in single quotes nothing. A text is Python's complaint. */
function quotedAt(
  line: string,
  start: number,
  quote: string,
): { readonly text: string; readonly end: number } | string {
  let text = '';
  for (let i = start; i < line.length; i++) {
    if (line[i] === quote) return { text, end: i };
    if (line[i] === '\\' && quote === '"') {
      // A backslash that is the last character leaves the quote open too.
      if (i + 1 === line.length) return NO_ESCAPED;
      if (line[i + 1] === '"' || line[i + 1] === '\\') i++;
    }
    text += line[i];
  }
  return NO_CLOSING;
}

export interface PairTokens {
  readonly tokens: readonly string[];
  /** The text from a `#` that began a comment; undefined without one. */
  readonly comment: string | undefined;
}

/** What belongs to a word of `environment`: letters and digits of ASCII and what Supervisor adds. */
const WORD = /[A-Za-z0-9_/.+():-]/;

/**
 * list(shlex.shlex(text)): quotes stay in their token, a quote in a word is part of it, any other character is a token of its own, and
 * `#` drops the rest of its line, inside a word too, which then goes on with the next line.
 */
export function pairTokens(text: string): PairTokens | { readonly problem: string } {
  const tokens: string[] = [];
  let comment: string | undefined;
  let word = '';
  const endWord = (): void => {
    if (word !== '') tokens.push(word);
    word = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '#') {
      const end = text.indexOf('\n', i);
      comment ??= text.slice(i, end === -1 ? undefined : end);
      if (end === -1) break;
      i = end;
    } else if (BLANKS.includes(c)) endWord();
    else if (WORD.test(c)) word += c;
    else if (c === '"' || c === "'") {
      if (word !== '') {
        word += c;
        continue;
      }
      const end = text.indexOf(c, i + 1);
      if (end === -1) return { problem: `the quote ${c} at its character ${i + 1} is not closed` };
      tokens.push(text.slice(i, end + 1));
      i = end;
    } else {
      endWord();
      // One token for a character beyond the first plane too.
      const whole = String.fromCodePoint(text.codePointAt(i) ?? 0);
      tokens.push(whole);
      i += whole.length - 1;
    }
  }
  endWord();
  return { tokens, comment };
}
