// What was typed, by key: `a`, `up`, `enter`, `escape` … Bytes that are no key are left out.

const NAMES: Readonly<Record<string, string>> = {
  '\x1b[A': 'up',
  '\x1b[B': 'down',
  '\x1b[C': 'right',
  '\x1b[D': 'left',
  '\x1bOA': 'up',
  '\x1bOB': 'down',
  '\x1bOC': 'right',
  '\x1bOD': 'left',
  '\x1b[5~': 'page-up',
  '\x1b[6~': 'page-down',
  '\x1b[H': 'home',
  '\x1b[F': 'end',
  '\x1b[1~': 'home',
  '\x1b[4~': 'end',
  '\x1b[Z': 'back-tab',
  '\x1b': 'escape',
  '\t': 'tab',
  '\r': 'enter',
  '\n': 'enter',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x03': 'ctrl-c',
  '\x04': 'ctrl-d',
  '\x15': 'ctrl-u',
  '\x1a': 'ctrl-z',
};

/** A sequence of an escape, or one letter. */
const KEY = /\x1b(?:\[[\d;]*[A-Za-z~]|O[A-Z])|[\s\S]/gu;

export function keysOf(text: string): string[] {
  return [...text.matchAll(KEY)].flatMap(([key]) => {
    if (Object.hasOwn(NAMES, key)) return [NAMES[key]];
    return key.startsWith('\x1b') || /\p{Cc}/u.test(key) ? [] : [key];
  });
}
