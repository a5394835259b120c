// Commands are found however a page is cut into pieces, and every byte that is no command is text.
import { describe, expect, it } from 'vitest';
import { COMMAND, MALFORMED, MORE, SsiParser } from '../../../src/features/ssi/parser.ts';

/** What a page comes to: text and commands in their order. */
function read(pieces: readonly string[]): string {
  const parser = new SsiParser(255, () => {});
  let seen = '';
  for (const piece of pieces) {
    // In the middle of a longer buffer, as what a socket has read.
    const buf = Buffer.from(`<!--#before${piece}<!--#behind`, 'latin1');
    const end = 11 + piece.length;
    for (let at = 11; at < end; at = parser.position) {
      const outcome = parser.parse(buf, at, end);
      seen += '<!--#'.slice(0, parser.held) + buf.latin1Slice(parser.textFrom, parser.textTo);
      if (outcome === COMMAND)
        seen += `{${parser.command}${parser.params.map(({ name, value }) => ` ${name}=${value}`).join('')}}`;
      else if (outcome === MALFORMED) seen += '{error}';
      else expect(outcome).toBe(MORE);
    }
  }
  return seen;
}

const PAGES: readonly (readonly [page: string, seen: string])[] = [
  ['plain', 'plain'],
  ['a<b<!c<!-d<!--e<!-<!<', 'a<b<!c<!-d<!--e<!-<!'],
  ['<<!--#echo var="x" -->>', '<{echo var=x}>'],
  ['<!<!-<!--<!--#echo var="x" -->', '<!<!-<!--{echo var=x}'],
  ["<!--#set var='a' value='b\\'c' -->d", "{set var=a value=b\\'c}d"],
  ['<!--# \n echo\tvar\r=\n"x"-->', '{echo var=x}'],
  ['<!--#echo-->|<!--#-->y-->|', '{echo}|{error}|'],
  ['<!--#echo var=x -- > - -->z', '{error}z'],
  ['a<!--#echo var="never closed', 'a'],
  ['\xff<!--#echo var="\xe9\0" -->\0', '\xff{echo var=\xe9\0}\0'],
];

describe.each(PAGES)('%j', (page, seen) => {
  it('in one piece', () => expect(read([page])).toBe(seen));
  it('byte by byte', () => expect(read([...page])).toBe(seen));
  it('in two pieces, cut anywhere', () => {
    for (let at = 0; at <= page.length; at++) expect(read([page.slice(0, at), page.slice(at)])).toBe(seen);
  });
});

it('random pages come to the same in any pieces', () => {
  const WORDS = [
    '<',
    '!',
    '-',
    '--',
    '#',
    '<!--#',
    'echo',
    ' ',
    'var',
    '=',
    '"',
    "'",
    '\\',
    '-->',
    '>',
    'x',
    '\n',
  ];
  let state = 7;
  const random = (n: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * n);
  };
  for (let i = 0; i < 3000; i++) {
    const page = Array.from({ length: random(30) }, () => WORDS[random(WORDS.length)]).join('');
    const pieces: string[] = [];
    for (let at = 0; at < page.length; ) {
      const n = 1 + random(5);
      pieces.push(page.slice(at, at + n));
      at += n;
    }
    expect(read(pieces)).toBe(read([page]));
  }
});
