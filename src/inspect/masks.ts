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

  hide(head: string): string {
    return head.replace(LINE, (line, name: string) =>
      this.#names.has(name.trim().toLowerCase()) ? `${name}: ${MASK}` : line,
    );
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
