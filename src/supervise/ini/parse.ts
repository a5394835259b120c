// One file of supervisord.conf syntax into the document, line by line as Python's configparser reads it.
import type { Position } from '../../config/tree.ts';
import type { Report } from './context.ts';
import { type Entry, type IniDocument, joinParts, type Part, type Section } from './document.ts';
import { indentOf, isSpace, strip, stripEnd } from './py-text.ts';

/** A line that could be read differently than it was meant: told to whoever knows the keys. */
export interface ParseNotes {
  /** The key stood in this section of this file already. */
  repeated(section: Section, before: Entry, now: Entry): void;
}

/** `text` has Unix lines. Errors are reported; the rest of the file is read nevertheless. */
export function parseIni(
  text: string,
  file: string,
  document: IniDocument,
  sinks: { readonly problems: Report; readonly notes: ParseNotes },
): void {
  new Parser(file, document, sinks).read(text);
}

class Parser {
  readonly #file: string;
  readonly #document: IniDocument;
  readonly #problems: Report;
  readonly #notes: ParseNotes;
  #section: Section | undefined;
  /** The key whose value may go on. */
  #open: { readonly key: string; readonly at: Position; readonly parts: Part[] } | undefined;
  #indent = 0;
  #isLost = false;
  /** What this file has set. */
  readonly #seen = new Map<Section, Map<string, Entry>>();

  constructor(
    file: string,
    document: IniDocument,
    sinks: { readonly problems: Report; readonly notes: ParseNotes },
  ) {
    this.#file = file;
    this.#document = document;
    this.#problems = sinks.problems;
    this.#notes = sinks.notes;
  }

  read(text: string): void {
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const [i, line] of lines.entries()) {
      this.#line(line, i + 1);
      if (this.#isLost) break;
    }
    this.#close();
  }

  #line(line: string, number: number): void {
    const comment = commentIn(line);
    const value = strip(line.slice(0, comment));
    const at: Position = { file: this.#file, line: number, column: indentOf(line) + 1 };
    if (value === '') {
      if (comment === undefined) this.#open?.parts.push({ text: '', at, cut: null });
      return;
    }
    const cut =
      comment === undefined ? null : { text: line.slice(comment), at: { ...at, column: comment + 1 } };
    const indent = indentOf(line);
    if (this.#open !== undefined && indent > this.#indent) {
      this.#open.parts.push({ text: value, at, cut });
      return;
    }
    this.#indent = indent;
    const header = /^\[([^\n]+)\]/.exec(value)?.[1];
    if (header !== undefined) {
      this.#close();
      this.#section = this.#document.section(header, at);
    } else if (this.#section === undefined) {
      this.#isLost = true;
      this.#problems.error(at, headless(value));
    } else this.#option(value, at, cut);
  }

  #option(value: string, at: Position, cut: Part['cut']): void {
    const delimiter = value.search(/[=:]/);
    if (delimiter <= 0) {
      this.#problems.error(
        at,
        delimiter === 0
          ? `a key is missing before "${value[0]}": write key=value`
          : `"${shortOf(value)}" has neither = nor :, so it is no key with a value: write key=value, indent the line if it belongs to the one before, or make it a comment with ;`,
      );
      return;
    }
    this.#close();
    const key = stripEnd(value.slice(0, delimiter)).toLowerCase();
    const text = strip(value.slice(delimiter + 1));
    // Between the delimiter and the value there are only blanks.
    const column = at.column + (text === '' ? delimiter + 1 : value.indexOf(text, delimiter + 1));
    this.#open = { key, at, parts: [{ text, at: { ...at, column }, cut }] };
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined || this.#section === undefined) return;
    const section = this.#section;
    const entry: Entry = { ...open, value: joinParts(open.parts) };
    const seen = this.#seen.get(section) ?? new Map<string, Entry>();
    this.#seen.set(section, seen);
    const before = seen.get(entry.key);
    if (before !== undefined) this.#notes.repeated(section, before, entry);
    seen.set(entry.key, entry);
    section.entries.set(entry.key, entry);
  }
}

function headless(value: string): string {
  if (value.startsWith('\uFEFF'))
    return 'the file begins with a byte order mark, which supervisord.conf must not have: save it as UTF-8 without BOM';
  if (value.startsWith('['))
    return `"${shortOf(value)}" is no section header, as its ] is missing: write ${shortOf(value)}]`;
  return `"${shortOf(value)}" stands before any section: begin with a header such as [program:name]`;
}

export function shortOf(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/**
 * Where the comment of a line begins, as configparser finds it: at a `;` or `#` that is the first character or has a blank before it.
 * It looks at the first of each, then at the second of each and so on, and stops at the first round with a find.
 */
function commentIn(line: string): number | undefined {
  const first = strip(line)[0];
  if (first === ';' || first === '#') return 0;
  let places: Record<string, number> = { ';': -1, '#': -1 };
  for (;;) {
    const next: Record<string, number> = {};
    let found: number | undefined;
    for (const [prefix, before] of Object.entries(places)) {
      const index = line.indexOf(prefix, before + 1);
      if (index === -1) continue;
      next[prefix] = index;
      if (index === 0 || isSpace(line[index - 1])) found = Math.min(found ?? index, index);
    }
    if (found !== undefined) return found;
    if (Object.keys(next).length === 0) return undefined;
    places = next;
  }
}
