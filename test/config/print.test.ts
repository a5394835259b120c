// biome-ignore-all lint/suspicious/noTemplateCurlyInString: nginx writes variables so
// The printed tree reads back as the same tree, and looks as people write it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from '../../src/config/nginx/parse.ts';
import { printNginx } from '../../src/config/print.ts';
import { Problems } from '../../src/config/problem.ts';
import { anyTree, bare } from './trees.ts';

function reprint(text: string): string {
  const problems = new Problems();
  const printed = printNginx(parse(text, 'f', problems));
  expect(problems.list).toEqual([]);
  return printed;
}

describe('printNginx', () => {
  it('indents blocks', () => {
    expect(reprint('http{server{listen 80;}}events{}')).toBe(
      'http {\n    server {\n        listen 80;\n    }\n}\nevents {\n}\n',
    );
  });

  it('begins each line with the indent', () => {
    expect(printNginx(parse('a{b;}', 'f', new Problems()), '  ')).toBe('  a {\n      b;\n  }\n');
  });

  it.each([
    // What people write stays as they write it.
    ['location ~* \\.(png|gif)$ {\n}\n'],
    ['set $a ${b}c;\n'],
    ['server_name "";\n'],
    ['log_format main \'$remote_addr "$request"\';\n'],
    ['return 200 "it\'s \\"x\\"";\n'],
    ['location ~ "^/\\d{3}$" {\n}\n'],
    ['return 200 "a;b";\n'],
    ['x "#y" a#b a"b;\n'],
    ['x "a\\tb";\n'],
  ])('%j', (text) => expect(reprint(text)).toBe(text));

  it('is read back as the same tree', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        const problems = new Problems();
        const again = parse(printNginx(tree), 'f', problems);
        expect(problems.list).toEqual([]);
        expect(bare(again)).toEqual(bare(tree));
      }),
      { numRuns: 2000 },
    );
  });
});
