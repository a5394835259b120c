// The rows of static files: what their arguments mean and which complaints they raise.
import { describe, expect, it } from 'vitest';
import { Problems } from '../../src/config/problem.ts';
import type { ReadContext, SettingRow } from '../../src/config/row.ts';
import { serveDefaults, serveRows } from '../../src/serve/rows.ts';

function read(name: string, ...args: string[]): { value: unknown; messages: string[] } {
  const row = serveRows.find((r): r is SettingRow => r.name === name && r.kind === 'setting');
  if (row === undefined) throw new Error(`no row ${name}`);
  const at = { file: 'x.conf', line: 1, column: 1 };
  const words = args.map((text) => ({ text, at }));
  const problems = new Problems();
  const cx: ReadContext = {
    problems,
    directive: { name, args: words, at },
    context: 'location',
    syntax: 'nginx',
    resolvePath: (path) =>
      path.startsWith('/') ? path.replace(/(?<=.)\/$/, '') : `/prefix/${path.replace(/\/$/, '')}`,
    template: (word) => word.text,
    pattern: () => true,
    makeVariable: () => undefined,
  };
  const value = row.read(words, cx);
  return { value, messages: problems.list.map((p) => p.message) };
}

describe('rows of static files', () => {
  it.each([
    ['root', '/w', { path: '/w', alias: false }],
    ['root', 'html', { path: '/prefix/html', alias: false }],
    ['root', '/w/$host', { path: '/w/$host', alias: false }],
    ['root', '$docs/x', { path: '$docs/x', alias: false }],
    ['root', '/', { path: '/', alias: false }],
    ['alias', '/w/', { path: '/w/', alias: true }],
    ['alias', 'pics/', { path: '/prefix/pics/', alias: true }],
    ['alias', '/w/x.ico', { path: '/w/x.ico', alias: true }],
    ['default_type', '', ''],
    ['max_ranges', '0', 0],
    ['etag', 'off', false],
    ['if_modified_since', 'before', 'before'],
    ['error_detail', 'on', true],
  ])('%s %s', (name, text, value) => {
    expect(read(name, text)).toEqual({ value, messages: [] });
  });

  it.each([
    ['root', '$document_root/x', /cannot use \$document_root/],
    ['alias', `/a/$${'{'}realpath_root}`, /cannot use/],
    ['root', '', /needs the path/],
    ['index', '', /name of a file/],
    ['default_type', 'text/plain\r\nX: y', /not a media type/],
    ['max_ranges', '-1', /not a whole number/],
    ['if_modified_since', 'after', /not one of off, exact, before/],
  ])('%s refuses %j', (name, text, message) => {
    const { value, messages } = read(name, text);
    expect(value).toBeUndefined();
    expect(messages).toEqual([expect.stringMatching(message)]);
  });

  it('index takes several names and warns of names after an absolute one', () => {
    expect(read('index', 'a.html', 'b$x.html', '/c.html')).toEqual({
      value: ['a.html', 'b$x.html', '/c.html'],
      messages: [],
    });
    expect(read('index', '/c.html', 'a.html').messages).toEqual([expect.stringMatching(/never tried/)]);
  });

  it('every row has a default of its key', () => {
    for (const row of serveRows)
      if (row.kind === 'setting') expect(Object.keys(serveDefaults)).toContain(row.key);
  });
});
