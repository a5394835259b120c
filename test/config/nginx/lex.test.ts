// biome-ignore-all lint/suspicious/noTemplateCurlyInString: nginx writes variables so
// nginx's rules of words, quotes, backslashes and comments, one row a rule; and what is said of quotes that go wrong.
import { describe, expect, it } from 'vitest';
import { lex, splitWords } from '../../../src/config/nginx/lex.ts';
import { cpuMs, leastCpuMs } from '../../support/cpu-time.ts';

/** Tokens as text: words in angle brackets, errors with their place. */
function shown(text: string): string {
  return lex(text, 'f')
    .map((t) => {
      if (t.kind === 'word') return `<${t.text}>`;
      if (t.kind === 'error') return `!${t.at.line}:${t.at.column} ${t.message}!`;
      return t.kind === 'end' ? '' : t.kind;
    })
    .join('');
}

describe('words', () => {
  it.each([
    ['listen 80;', '<listen><80>;'],
    ['a\tb\r\nc;', '<a><b><c>;'],
    ['server{listen 80;}', '<server>{<listen><80>;}'],
    // A brace behind a word belongs to it, a sign of a comment too.
    ['return 200}', '<return><200}>'],
    ['a b#c;#d;\ne;', '<a><b#c>;<e>;'],
    ['a; # { "', '<a>;'],
    ['set $a ${b}c;', '<set><$a><${b}c>;'],
    ['a $b{', '<a><$b>{'],
    ['a x{', '<a><x>{'],
    ['a \\${', '<a><\\$>{'],
    ['a $${b};', '<a><$${b}>;'],
    ['a b\'c"d;', '<a><b\'c"d>;'],
    ['a b\\ c\\;d;', '<a><b\\ c\\;d>;'],
    ['a ""\'\';', '!1:5 unexpected "\'" directly after a closing quote!'],
    ['a "" \'\';', '<a><><>;'],
    ['if ($a = "b"){', '<if><($a><=><b><)>{'],
    ['a "b;c{d}#e" f;', '<a><b;c{d}#e><f>;'],
    ['a "b\nc";', '<a><b\nc>;'],
    ['"a" b;', '<a><b>;'],
    ['', ''],
    [' \r\n# only a comment', ''],
  ])('%j', (text, want) => {
    if (want.startsWith('!')) expect(shown(text)).toContain(want);
    else expect(shown(text)).toBe(want);
  });

  it.each([
    ['"\\""', '"'],
    ["'\\''", "'"],
    ['"\\\'"', "'"],
    ['\\\\', '\\'],
    ['\\t\\r\\n', '\t\r\n'],
    ['"\\t"', '\t'],
    ['\\.png$', '\\.png$'],
    ['"\\$x\\d\\/"', '\\$x\\d\\/'],
    ['\\\\.', '\\.'],
    ['\\\\\\n', '\\\n'],
  ])('escapes %j', (raw, want) => {
    expect(lex(`x ${raw};`, 'f')[1]).toMatchObject({ kind: 'word', text: want });
  });
});

describe('places', () => {
  it('count lines by LF and columns from 1', () => {
    const places = lex('a b;\r\n\n  "c\nd" e;', 'f').map(({ at }) => `${at.line}:${at.column}`);
    expect(places).toEqual(['1:1', '1:3', '1:4', '3:3', '4:4', '4:5', '4:6']);
  });

  it('do not count a byte order mark', () => {
    expect(lex('\uFEFFa;', 'f')[0]).toEqual({
      kind: 'word',
      text: 'a',
      at: { file: 'f', line: 1, column: 1 },
      endLine: 1,
    });
  });
});

describe('quotes that are not closed', () => {
  it('are reported where they open, and the next line is read', () => {
    expect(shown('a "b c;\nd e;')).toBe(
      '<a>!1:3 this quote is never closed: is a " missing at the end of the word?!<b c>;<d><e>;',
    );
  });

  it('are found when the next quote closes them', () => {
    expect(shown('a "b;\nc "d";')).toBe(
      '<a>!1:3 unexpected "d" directly after a closing quote at line 2: is a " missing on this line?!<b>;<c><d>;',
    );
  });

  it('cost linear time', async () => {
    const lines = ['a "b;', "c 'd;", 'e "f"g;', 'h \\"i;', "j 'k\\"];
    const text = Array.from({ length: 60_000 }, (_, i) => lines[(i * 7 + (i >> 3)) % lines.length]).join(
      '\n',
    );
    const read = (): void => expect(lex(text, 'f').length).toBeGreaterThan(60_000);
    expect(await leastCpuMs(() => cpuMs(read), 5000)).toBeLessThan(5000);
  });
});

describe('splitWords', () => {
  it('has no statements, blocks or comments', () => {
    expect(splitWords(' 443 ssl;  #x {y} "z z" ').words).toEqual([
      { text: '443', offset: 1 },
      { text: 'ssl;', offset: 5 },
      { text: '#x', offset: 11 },
      { text: '{y}', offset: 14 },
      { text: 'z z', offset: 18 },
    ]);
  });

  it('splits a condition as nginx does', () => {
    expect(splitWords('($a = "b c")').words.map((w) => w.text)).toEqual(['($a', '=', 'b c', ')']);
  });

  it.each([
    ['a "b', 2],
    ['"a"b', 3],
  ])('reports %j', (text, offset) => expect(splitWords(text).problem?.offset).toBe(offset));
});
