// Lines of programs on a terminal: shown, never obeyed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { terminalLine } from '../../src/observe/terminal-line.ts';

const RESET = '\x1b[0m';

describe('terminalLine', () => {
  it.each([
    ['plain text, ümlaut, 日本, \ttab', 'plain text, ümlaut, 日本, \ttab'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['\x1b]52;c;aGVsbG8=\x1b\\', '\\x1b]52;c;aGVsbG8=\\x1b\\'],
    ['\x1b[2J\x1b[H', '\\x1b[2J\\x1b[H'],
    ['a\rb\bc', 'a\\x0db\\x08c'],
    ['\x9b31mred\x9d0;x\x9c', '\\x9b31mred\\x9d0;x\\x9c'],
    ['\u202egnp.exe\u2066', '\\u202egnp.exe\\u2066'],
    ['\x1bc\x1b(0\x1b#8', '\\x1bc\\x1b(0\\x1b#8'],
    ['\x1b[?25l', '\\x1b[?25l'],
  ])('shows %j', (text, shown) => {
    expect(terminalLine(text)).toBe(shown);
  });

  it.each(['\x1b[31m', '\x1b[m', '\x1b[1;4;38;5;196;48;2;1;2;3m', '\x1b[0m', '\x1b[97;107m'])(
    'lets %j colour the line, and no other',
    (colour) => {
      expect(terminalLine(`a${colour}b`)).toBe(`a${colour}b${RESET}`);
    },
  );

  it.each([
    '\x1b[8m',
    '\x1b[1;8m',
    '\x1b[11m',
    '\x1b[31',
    '\x1b[31 m',
    '\x1b[38:5:1m',
    '\x1b[>4;2m',
    '\x1b[38;5m',
    '\x1b[38;5;256m',
    '\x1b[999999999m',
  ])('does not let %j through', (sequence) => {
    expect(terminalLine(sequence)).toBe(`\\x1b${sequence.slice(1)}`);
  });

  it('leaves no control byte but tabs and colours, whatever comes', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\x1b[', '\x1b]', ';', '38', '5', '2', 'm', '31', '\x1b[31m', '\x9b', '\n', '?'),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const shown = terminalLine(pieces.join(''));
        const bare = shown.replaceAll(/\x1b\[[\d;]*m/g, '');
        expect(bare).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
        if (bare !== shown) expect(shown.endsWith(RESET)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
