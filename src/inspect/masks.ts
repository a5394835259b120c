// What does not leave the process that saw it: values of fields that carry somebody's identity.

const ALWAYS: readonly string[] = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie'];

/** What stands in the place of a value. */
export const MASK = '********';

/** Hides values in heads, whose lines each end in CRLF. */
export class Masks {
  readonly #names: ReadonlySet<string>;

  /** Lower-case names besides those that are always hidden. */
  constructor(names: readonly string[]) {
    this.#names = new Set([...ALWAYS, ...names]);
  }

  /** Also in what is no right head: whatever stands in a line behind such a name, and in lines that go on with it. */
  hide(head: string): string {
    const hidden = head.replace(NAMED, (line, name: string) =>
      this.#names.has(name.trim().toLowerCase()) ? `${name}: ${MASK}` : line,
    );
    return hidden.replace(GOES_ON, `: ${MASK}`);
  }

  /** Puts back what was hidden: for a head that somebody changed and left the masks in it. */
  reveal(head: string, original: string): string {
    const values = new Map<string, string[]>();
    for (const [, name, value] of original.matchAll(LINE)) {
      const key = name.trim().toLowerCase();
      if (!this.#names.has(key)) continue;
      values.set(key, [...(values.get(key) ?? []), value.trim()]);
    }
    return head.replace(LINE, (line, name: string, value: string) => {
      if (value.trim() !== MASK) return line;
      const known = values.get(name.trim().toLowerCase())?.shift();
      return known === undefined ? line : `${name}: ${known}`;
    });
  }
}

const LINE = /^([^:\r\n]+):([^\r\n]*)/gm;
const NAMED = /^([ \t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)[^\r\n]*/gm;
/** A folded line, or one behind a bare CR. */
const GOES_ON = /: \*{8}(?:(?:\r(?!\n)|\r?\n[ \t])[^\r\n]*)+/g;
