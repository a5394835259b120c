// Splits a command line into words as a POSIX shell would, without running one: Supervisor's rule (Python's shlex).

/**
 * The words of a command line, or a message when a quote or a backslash is left open. Single quotes keep everything;
 * in double quotes a backslash escapes only `"` and itself; outside it escapes the next character. Nothing else is
 * special: `$`, `|`, `&` and `*` reach the program as they stand.
 */
export function splitCommand(line: string): readonly string[] | { readonly problem: string } {
  const words: string[] = [];
  let word: string | undefined;
  let i = 0;
  while (i < line.length) {
    const c = line[i++];
    if (c === "'" || c === '"') {
      const quoted = readQuoted(line, i, c);
      if (quoted === undefined) return { problem: `the quote ${c} at character ${i} is not closed` };
      word = (word ?? '') + quoted.text;
      i = quoted.next;
    } else if (c === '\\') {
      if (i === line.length) return { problem: 'it ends in a backslash that escapes nothing' };
      word = (word ?? '') + line[i++];
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + c;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function readQuoted(
  line: string,
  start: number,
  quote: string,
): { readonly text: string; readonly next: number } | undefined {
  let text = '';
  for (let i = start; i < line.length; i++) {
    if (line[i] === quote) return { text, next: i + 1 };
    if (quote === '"' && line[i] === '\\' && (line[i + 1] === '"' || line[i + 1] === '\\')) i++;
    text += line[i];
  }
  return undefined;
}
