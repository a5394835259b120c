// An explanation is laid out by columns of a terminal, whatever letters are in it.
import stringWidth from 'string-width';
import { beforeAll, expect, it } from 'vitest';
import { printRows } from '../../src/explain/print.ts';
import { loadWidths } from '../../src/observe/text-width.ts';

const WIDTH = 80;
const show = (text: string, at: string): string[] =>
  printRows([{ label: 'location', text, at }], { width: WIDTH, colours: false, directory: '/etc/設定' })
    .replace(/\n$/, '')
    .split('\n');

beforeAll(loadWidths);

it.each([
  ['Latin letters', 'proxy_pass http://grüße: übergeben an die Gruppe, weil nichts anderes passt'],
  ['wide letters', '設定ファイルの場所 /あいうえお/かきくけこ で始まるので、この場所に決まりました'],
  ['emoji', '🎉 a location of 👨‍👩‍👧 and 🎉🎉🎉, which is a family and takes two columns'],
  ['accents that stand on the letter before', 'e\u0301'.repeat(30)],
  ['a word that is wider than a line', `a ${'漢'.repeat(90)} b`],
  ['a word of emoji that is wider than a line', '👨‍👩‍👧'.repeat(80)],
  ['short', '漢字'],
])('%s', (_what, text) => {
  const lines = show(text, '/etc/設定/場所.conf:12:5');
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(WIDTH);
  // At the right end, whatever stands before it.
  const last = lines.at(-1) ?? '';
  expect(last.endsWith('  場所.conf:12:5')).toBe(true);
  expect(stringWidth(last)).toBe(WIDTH);
  const told = lines.map((line) => line.slice(13).trim()).join('');
  expect(told.replace(/ *場所\.conf:12:5$/, '').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
});
