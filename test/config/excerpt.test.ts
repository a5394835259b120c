// How problems are printed: the line with a caret, what has no shape of its own by name, and of very many the first ones.
import { describe, expect, it } from 'vitest';
import { excerptOf, shownText } from '../../src/config/excerpt.ts';
import { formatProblems, Problems } from '../../src/config/problem.ts';

describe('the caret', () => {
  it.each([
    ['plain letters', 'listen 80 x;', 'x', ['listen 80 x;', '          ^']],
    ['behind a tab', '\tlisten\tx;', 'x', ['\tlisten\tx;', '\t      \t^']],
    ['behind wide letters', 'root /設定 x;', 'x', ['root /設定 x;', '           ^']],
    ['behind an emoji', 'root /🎉 x;', 'x', ['root /🎉 x;', '         ^']],
    ['behind a combining accent', 'root /e\u0301 x;', 'x', ['root /e\u0301 x;', '        ^']],
    ['behind a zero-width blank', 'a\u200bb x;', 'x', ['a\\u200bb x;', '         ^']],
    ['behind a colour', '\x1b[31mred x;', 'x', ['\\x1b[31mred x;', '            ^']],
    ['behind a control character of Latin 1', 'a\x9b31m x;', 'x', ['a\\u009b31m x;', '           ^']],
    ['behind a bidi override', 'a\u202eb x;', 'x', ['a\\u202eb x;', '         ^']],
    ['behind a no-break space', 'a\u00a0b x;', 'x', ['a\\u00a0b x;', '         ^']],
    ['behind half a character', 'a\ud800b x;', 'x', ['a\\ud800b x;', '         ^']],
    ['behind a tag', 'a\u{e0041}b x;', 'x', ['a\\u{e0041}b x;', '            ^']],
    ['behind the line', 'abc', '', ['abc', '   ^']],
  ])('%s', (_, line, word, shown) => {
    const column = word === '' ? 100 : line.indexOf(word) + 1;
    expect(excerptOf(line, column)).toEqual(shown);
  });

  const filler = 'abcdefghij'.repeat(50);

  it('of a long line stands in a window', () => {
    const [text, caret] = excerptOf(`${filler}X${filler}`, filler.length + 1);
    expect(text.length).toBeLessThanOrEqual(122);
    expect(text).toMatch(/^….*X.*…$/);
    expect(text[caret.indexOf('^')]).toBe('X');
    expect(Math.abs(caret.indexOf('^') - 60)).toBeLessThan(3);
  });

  it('near either end has more of the other side', () => {
    const [start] = excerptOf(`X${filler}`, 1);
    const [end, caret] = excerptOf(`${filler}X`, filler.length + 1);
    expect(start).toMatch(/^X.{119}…$/);
    expect(end).toMatch(/^….{119}X$/);
    expect(end[caret.indexOf('^')]).toBe('X');
  });

  it('of a line of what is drawn onto one letter has a window too', () => {
    const line = `e${'\u0301'.repeat(10_000)}X${'\u0301'.repeat(10_000)}`;
    const [text, caret] = excerptOf(line, 10_002);
    expect(text.length).toBeLessThan(1100);
    expect(caret).toBe(' ^');
  });
});

describe('a message', () => {
  it('does nothing to the terminal', () => {
    expect(shownText('unknown "\x1b[2J\u202e\n\t\u{e0001}é"')).toBe(
      'unknown "\\x1b[2J\\u202e\\n\\t\\u{e0001}é"',
    );
  });

  it('that is long keeps both ends', () => {
    const shown = shownText(`unknown directive "${'x'.repeat(100_000)}"; did you mean "y"?`);
    expect(shown.length).toBe(401);
    expect(shown).toMatch(/^unknown directive "x+…x+"; did you mean "y"\?$/);
  });

  it('has a file name in it that does nothing either', () => {
    const at = { file: 'a\x1bb\n.conf', line: 1, column: 1 };
    const text = formatProblems([{ severity: 'error', at, message: 'm' }], new Map());
    expect(text).toBe('a\\x1bb\\n.conf:1:1: m');
  });
});

describe('very many problems', () => {
  const at = (line: number) => ({ file: 'f', line, column: 1 });

  it('are printed a hundred at once, the rest is counted', () => {
    const problems = new Problems();
    for (let i = 1; i <= 250; i++) problems.error(at(i), `e${i}`);
    const lines = formatProblems(problems.list, new Map()).split('\n');
    expect(lines).toHaveLength(101);
    expect(lines[99]).toBe('f:100:1: e100');
    expect(lines[100]).toBe('… and 150 more (150 errors): mend these and test again');
  });

  it('hide no error behind warnings', () => {
    const problems = new Problems();
    for (let i = 1; i <= 20_000; i++) problems.warn(at(i), `w${i}`);
    problems.error(at(30_000), 'the error');
    expect(problems.hasErrors).toBe(true);
    const lines = formatProblems(problems.list, new Map()).split('\n');
    expect(lines[99]).toBe('f:30000:1: the error');
    expect(lines[100]).toBe('… and 9901 more (0 errors): mend these and test again');
  });

  it('do not fill the memory', () => {
    const problems = new Problems();
    for (let i = 1; i <= 100_000; i++) problems.error(at(i), `e${i}`);
    expect(problems.list).toHaveLength(10_000);
  });

  it('a hundred are all printed', () => {
    const problems = new Problems();
    for (let i = 1; i <= 100; i++) problems.error(at(i), `e${i}`);
    expect(formatProblems(problems.list, new Map()).split('\n')).toHaveLength(100);
  });
});
