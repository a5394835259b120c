// Bytes that are one step away from valid HTTP/1: whole messages with a few bytes replaced, taken away, put in or doubled. What is
// far away from valid is refused by any parser; what is near finds its way in.
import fc from 'fast-check';

/** Bytes with a meaning of their own somewhere in a message, or forbidden there. */
const TELLING = [...'\0\x01\t\n\r \x7f\x80\xff:;,=/[]"%-+0129fxX'];

/** One change of a text of bytes (latin1); places are given as parts of its length, so that a change fits any text. */
interface Change {
  readonly kind: 'replace' | 'insert' | 'delete' | 'double' | 'cut';
  readonly at: number;
  readonly length: number;
  readonly byte: string;
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'insert', 'insert', 'delete', 'double', 'cut'),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.integer({ min: 1, max: 12 }),
  byte: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...TELLING) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) },
  ),
});

function changed(text: string, { kind, at, length, byte }: Change): string {
  const i = Math.floor(at * text.length);
  const before = text.slice(0, i);
  if (kind === 'replace') return before + byte + text.slice(i + 1);
  if (kind === 'insert') return before + byte + text.slice(i);
  if (kind === 'delete') return before + text.slice(i + length);
  if (kind === 'double') return before + text.slice(i, i + length) + text.slice(i);
  return before;
}

/** `text` with up to `most` changes; often with none. */
export function mutated(text: fc.Arbitrary<string>, most = 3): fc.Arbitrary<string> {
  return fc
    .tuple(text, fc.array(change, { maxLength: most }))
    .map(([from, steps]) => steps.reduce(changed, from));
}

/** `text` in up to four pieces. */
export function pieces(text: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 });
  return fc.tuple(text, places).map(([from, at]) => {
    const cuts = [0, ...at.map((part) => Math.floor(part * from.length)).sort((a, b) => a - b), from.length];
    return cuts.slice(1).map((end, i) => from.slice(cuts[i], end));
  });
}

/** Up to `most` of the lines, each with its own choice among its forms. */
export function lines(forms: readonly (readonly string[])[], most: number): fc.Arbitrary<string> {
  const line = fc.constantFrom(...forms).chain((form) => fc.constantFrom(...form));
  return fc.array(line, { maxLength: most }).map((some) => some.map((text) => `${text}\r\n`).join(''));
}
