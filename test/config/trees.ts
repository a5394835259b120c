// biome-ignore-all lint/suspicious/noTemplateCurlyInString: nginx writes variables so
// Trees for the property tests of this room: generated ones, and any tree without its places.
import fc from 'fast-check';
import type { Directive } from '../../src/config/tree.ts';

export interface Bare {
  readonly name: string;
  readonly args: readonly string[];
  readonly block?: readonly Bare[];
}

export function bare(directives: readonly Directive[]): Bare[] {
  return directives.map(({ name, args, block }) => ({
    name,
    args: args.map((arg) => arg.text),
    ...(block && { block: bare(block) }),
  }));
}

const at = { file: 'generated', line: 1, column: 1 };
/** Full of what has a meaning in nginx syntax. */
const text = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...' \t\r\n;{}#$"\'\\abtrn)(~é\uFEFF\0'.split(''), '${', '\\"'),
    maxLength: 8,
  }),
  fc.string(),
);

/** Any tree: names and arguments are any text, even the empty one. */
export const anyTree: fc.Arbitrary<Directive[]> = fc.letrec<{ block: Directive[]; directive: Directive }>(
  (tie) => ({
    directive: fc
      .record({
        name: text,
        args: fc.array(text, { maxLength: 4 }),
        block: fc.option(tie('block'), { depthSize: 'small' }),
      })
      .map(({ name, args, block }) => ({
        name,
        args: args.map((arg) => ({ text: arg, at })),
        ...(block && { block }),
        at,
      })),
    block: fc.array(tie('directive'), { maxLength: 4 }),
  }),
).block;

/** Text that is nearly a configuration. */
export const nearlyConf = fc
  .array(
    fc.constantFrom(
      'server',
      ' ',
      '\n',
      '\r\n',
      ';',
      '{',
      '}',
      '"',
      "'",
      '\\',
      '#',
      '$',
      '${',
      'a;\n',
      'b {\n',
      '}\n',
      '[',
      ']',
      ':',
      ',',
      '"k"',
      '/*',
      '//',
      '1',
      'null',
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));
