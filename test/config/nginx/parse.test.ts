// Statements and blocks to the tree; every problem of a file in one reading.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from '../../../src/config/nginx/parse.ts';
import { formatPosition, Problems } from '../../../src/config/problem.ts';
import { bare, nearlyConf } from '../trees.ts';

function read(text: string) {
  const problems = new Problems();
  const tree = parse(text, 'f', problems);
  return { tree, errors: problems.list.map((p) => `${formatPosition(p.at)}: ${p.message}`) };
}

describe('parse', () => {
  it('nests blocks and keeps places', () => {
    const { tree, errors } = read('http {\n  server { listen 80; }\n}\nevents { }');
    expect(errors).toEqual([]);
    expect(tree).toEqual([
      {
        name: 'http',
        args: [],
        at: { file: 'f', line: 1, column: 1 },
        block: [
          {
            name: 'server',
            args: [],
            at: { file: 'f', line: 2, column: 3 },
            block: [
              {
                name: 'listen',
                args: [{ text: '80', at: { file: 'f', line: 2, column: 19 } }],
                at: { file: 'f', line: 2, column: 12 },
              },
            ],
          },
        ],
      },
      { name: 'events', args: [], at: { file: 'f', line: 4, column: 1 }, block: [] },
    ]);
  });

  it('takes a brace on its own line, and a quoted name', () => {
    expect(bare(read('server\n{\n"text/html" html;\n}').tree)).toEqual([
      { name: 'server', args: [], block: [{ name: 'text/html', args: ['html'] }] },
    ]);
  });
});

describe('errors', () => {
  it.each([
    ['}', ['f:1:1: unexpected "}": it closes no block']],
    ['a;;', ['f:1:3: unexpected ";": there is no directive before it; remove it']],
    ['{ }', ['f:1:1: unexpected "{": the name of a block must stand before it']],
    ['a {\nb\n}', ['f:3:1: unexpected "}": is a ";" missing at the end of line 2?']],
    ['a', ['f:1:2: unexpected end of file, expecting ";": is a ";" missing at the end of line 1?']],
    ['a {\n\n', ['f:1:4: unexpected end of file, expecting "}" to close "a" of line 1']],
    [
      'a { b 1}',
      [
        'f:1:9: unexpected end of file, expecting ";": "1}" of line 1 is one word; write "1; }"',
        'f:1:9: unexpected end of file, expecting "}" to close "a" of line 1',
      ],
    ],
    [
      'a {\n  b {\n}\nc;\n',
      [
        'f:4:3: unexpected end of file, expecting "}" to close "a" of line 1; by the indentation, look at line 3 first: the "}" of line 3 closes "b" of line 2',
      ],
    ],
    [
      'a "b',
      ['f:1:3: this quote is never closed: is a " missing at the end of the word?', expect.anything()],
    ],
  ])('%j', (text, errors) => expect(read(text).errors).toEqual(errors));

  it('are all reported, and what is sound stays in the tree', () => {
    const { tree, errors } = read('a {\n b 1\n}\n;\nc "d"e;\n{ x; }\nf {\n g;\n}\n}');
    expect(errors.map((e) => e.split(':')[1])).toEqual(['3', '4', '5', '6', '10']);
    expect(bare(tree)).toEqual([
      { name: 'a', args: [], block: [{ name: 'b', args: ['1'] }] },
      { name: 'c', args: ['d'] },
      { name: 'f', args: [], block: [{ name: 'g', args: [] }] },
    ]);
  });

  it('bound the depth, reported once', () => {
    const { tree, errors } = read(`${'a {'.repeat(50_000)}${'}'.repeat(50_000)}`);
    expect(errors).toEqual(['f:1:301: blocks are nested more than 100 deep: are closing braces missing?']);
    let depth = 0;
    for (let level = tree; level.length > 0; level = [...(level[0].block ?? [])]) depth++;
    expect(depth).toBe(101);
  });

  it('never throws, and every place lies in the text', () => {
    fc.assert(
      fc.property(fc.oneof(nearlyConf, fc.string()), (text) => {
        const problems = new Problems();
        parse(text, 'f', problems);
        const lines = text.split('\n');
        for (const { at } of problems.list) {
          expect(at.line).toBeLessThanOrEqual(lines.length);
          expect(at.column).toBeLessThanOrEqual(lines[at.line - 1].length + 1);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
