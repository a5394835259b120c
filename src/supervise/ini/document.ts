// Sections and keys of all files that were read, merged as Python's RawConfigParser merges them, each with its place.
import type { Position } from '../../config/tree.ts';
import { stripEnd } from './py-text.ts';

/** What one line gave to a value. */
export interface Part {
  readonly text: string;
  /** Of its first character. */
  readonly at: Position;
  /** What a ` ;` or ` #` took from the line, with it. */
  readonly cut: { readonly text: string; readonly at: Position } | null;
}

export interface Entry {
  /** In lower case. */
  readonly key: string;
  readonly value: string;
  /** Of the key. */
  readonly at: Position;
  readonly parts: readonly Part[];
}

export interface Section {
  readonly name: string;
  /** Of the first header of its name. */
  readonly at: Position;
  readonly entries: Map<string, Entry>;
}

export class IniDocument {
  readonly sections = new Map<string, Section>();
  /** [DEFAULT]: its keys stand in every section that does not have them. */
  readonly defaults: Section = { name: 'DEFAULT', at: { file: '', line: 1, column: 1 }, entries: new Map() };

  section(name: string, at: Position): Section {
    if (name === 'DEFAULT') return this.defaults;
    const known = this.sections.get(name);
    if (known !== undefined) return known;
    const section: Section = { name, at, entries: new Map() };
    this.sections.set(name, section);
    return section;
  }

  get(section: Section, key: string): Entry | undefined {
    return section.entries.get(key) ?? this.defaults.entries.get(key);
  }

  /** Puts a folder for the exact text `%(here)s` wherever it still stands: Supervisor does so after each file, if there is an include. */
  replaceHere(here: string): void {
    for (const { entries } of this.sections.values()) {
      for (const [key, entry] of [...this.defaults.entries, ...entries]) {
        if (!entry.value.includes(HERE)) continue;
        entries.set(key, { ...entry, value: entry.value.replaceAll(HERE, () => here) });
      }
    }
  }
}

const HERE = '%(here)s';

/** The value that parts on one line each make. */
export function joinParts(parts: readonly Part[]): string {
  return stripEnd(parts.map((part) => part.text).join('\n'));
}

/** Where a value begins; an empty one is told by its key. */
export function placeOfValue(entry: Entry): Position {
  return entry.parts.find((part) => part.text !== '')?.at ?? entry.at;
}

/** Where a piece of the value stands in its file, or else where the value begins. */
export function placeOfPiece(entry: Entry, piece: string): Position {
  for (const { text, at } of entry.parts) {
    const column = text.indexOf(piece);
    if (piece !== '' && column !== -1) return { ...at, column: at.column + column };
  }
  return placeOfValue(entry);
}
