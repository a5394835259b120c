// Times of files that no date can tell: file systems keep more than four digits of a year.
import { expect, it } from 'vitest';
import type { Entry } from '../../../src/features/autoindex/directory.ts';
import { htmlList, jsonList, xmlList } from '../../../src/features/autoindex/lists.ts';

const LAST = {
  html: '31-Dec-9999 23:59',
  xml: '9999-12-31T23:59:59Z',
  json: 'Fri, 31 Dec 9999 23:59:59 GMT',
};
const FIRST = {
  html: '01-Jan-1970 00:00',
  xml: '1970-01-01T00:00:00Z',
  json: 'Thu, 01 Jan 1970 00:00:00 GMT',
};

it.each([
  [99_999_999_999_999, LAST],
  [253_402_300_800, LAST],
  [253_402_300_799, LAST],
  [0, FIRST],
  [-1, FIRST],
  [-99_999_999_999_999, FIRST],
])('a file of second %i is listed', (mtime, shown) => {
  const entries: Entry[] = [{ name: 'a', kind: 'file', mtime, size: 1n }];
  const options = { exactSize: true, localtime: false, utf8: false };
  expect(htmlList('/', entries, options)).toContain(` ${shown.html} `);
  expect(xmlList(entries)).toContain(`mtime="${shown.xml}"`);
  expect(jsonList(entries, '')).toContain(`"mtime":"${shown.json}"`);
});
