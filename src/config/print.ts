// A tree as canonical nginx text: what `-T` shows of the effective configuration, whichever syntax it came from.
import type { Directive } from './tree.ts';

/**
 * Prints directives one to a line, blocks indented by four blanks more than their directive. Reading the text again gives the
 * same tree up to positions. `indent` is what each line begins with.
 */
export function printNginx(directives: readonly Directive[], indent = ''): string {
  let out = '';
  for (const { name, args, block, comments = [] } of directives) {
    for (const text of comments) out += `${indent}#${text}\n`;
    const words = [name, ...args.map((arg) => arg.text)].map(printWord).join(' ');
    if (block === undefined) out += `${indent}${words};\n`;
    else out += `${indent}${words} {\n${printNginx(block, `${indent}    `)}${indent}}\n`;
  }
  return out;
}

/** A word as nginx reads it back, in quotes only where it needs them. */
function printWord(text: string): string {
  if (!NEEDS_QUOTES.test(text)) return escaped(text);
  const quote = text.includes('"') && !text.includes("'") ? "'" : '"';
  return quote + escaped(text).replaceAll(quote, `\\${quote}`) + quote;
}

/**
 * Empty; a blank or `;` anywhere; a first character that would be read as something else; a `{` that is not clearly that of `${`
 * (a backslash before the `$` takes its meaning away).
 */
const NEEDS_QUOTES = /^$|[ \t\r\n;]|^[#"'}{\uFEFF]|[^$]\{|\\\$\{/;

/** Doubles a backslash only where it would otherwise be taken as an escape, so that regular expressions stay as people write them. */
function escaped(text: string): string {
  return text.replace(/\\(?=["'\\trn\t\r\n]|$)|[\t\r\n]/g, (c) => CONTROL[c] ?? '\\\\');
}

const CONTROL: Readonly<Record<string, string>> = { '\t': '\\t', '\r': '\\r', '\n': '\\n' };
