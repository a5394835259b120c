// A user file as nginx reads it: the first line that begins with the name and a colon holds. Pure; bytes as latin1.

/** What stands behind the name, up to the next colon or the line's end; undefined = the name is not there. */
export function passwordOf(text: string, user: string): string | undefined {
  const begin = `${user}:`;
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    const stop = end < 0 ? text.length : end;
    // A line that begins with # is a comment, one that begins with CR is none.
    const first = text[start];
    if (first !== '#' && first !== '\r' && text.startsWith(begin, start)) {
      const [password] = text.slice(start + begin.length, stop).split(/[:\r]/, 1);
      return password;
    }
    // nginx sees that a line is too short by its end, and takes the next one for the rest of it.
    const isCut =
      first !== '#' &&
      stop > start &&
      stop - start < begin.length &&
      begin.startsWith(text.slice(start, stop));
    const next = isCut ? text.indexOf('\n', stop + 1) : stop;
    start = next < 0 ? text.length : next + 1;
  }
  return undefined;
}
