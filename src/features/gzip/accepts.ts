// Whether an Accept-Encoding takes a coding, read exactly as ngx_http_gzip_accept_encoding reads it: no `*`, and only what stands at
// the place where the coding's name is found first. Pure.

/** `coding` is in lower case. */
export function acceptsCoding(value: string, coding: string): boolean {
  const text = value.toLowerCase();
  let start = 0;
  for (;;) {
    const at = text.indexOf(coding, start);
    if (at < 0) return false;
    const after = at + coding.length;
    if (at === start || text[at - 1] === ',' || text[at - 1] === ' ') return isWanted(text, after);
    start = after;
  }
}

/** What stands behind the name: nothing, a comma, or a weight that is not zero. */
function isWanted(text: string, from: number): boolean {
  let p = skipSpaces(text, from);
  if (p === text.length || text[p] === ',') return true;
  if (text[p] !== ';') return false;
  p = skipSpaces(text, p + 1);
  if (p === text.length) return true;
  if (text[p] !== 'q' || text[p + 1] !== '=' || p + 2 >= text.length) return false;
  return WEIGHT.test(text.slice(p + 2));
}

function skipSpaces(text: string, from: number): number {
  let p = from;
  while (text[p] === ' ') p++;
  return p;
}

/** More than zero, at most one, at most three decimals; a comma or space ends it. */
const WEIGHT = /^(?:1(?:\.0{0,3})?|0\.(?=\d{0,2}[1-9])\d{1,3})(?:[, ]|$)/;
