// Hosts, locations and paths: nginx's rules as tables.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LocationMatch } from '../../src/config/model.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { bareName, createHostTable } from '../../src/route/hosts.ts';
import { createLocationFinder, type LocationEntry } from '../../src/route/locations.ts';
import { escapeUri, normaliseUri } from '../../src/route/uri.ts';

describe('virtual hosts', () => {
  const table = createHostTable(
    [
      { names: ['example.org', '.dot.org'], value: 'exact' },
      { names: ['*.example.org'], value: 'any' },
      { names: ['*.deep.example.org'], value: 'deep' },
      { names: ['mail.*'], value: 'mail' },
      { names: ['~^www\\d+\\.'], value: 'regex' },
      { names: ['example.org'], value: 'second' },
    ],
    'default',
  );
  it.each([
    ['example.org', 'exact'],
    ['EXAMPLE.org:8080', 'exact'],
    ['example.org.', 'exact'],
    ['dot.org', 'exact'],
    ['a.b.dot.org', 'exact'],
    ['x.example.org', 'any'],
    ['a.deep.example.org', 'deep'],
    ['mail.test', 'mail'],
    ['www7.test', 'regex'],
    ['other', 'default'],
    ['', 'default'],
    ['[::1]:80', 'default'],
  ])('%s goes to %s', (host, expected) => {
    expect(table.find(host)).toBe(expected);
  });

  it('cuts ports and brackets right', () => {
    expect(bareName('[2001:db8::1]:443')).toBe('[2001:db8::1]');
    expect(bareName('Name:1')).toBe('name');
  });
});

describe('locations', () => {
  const entry = (match: LocationMatch, locations: LocationEntry<string>[] = []): LocationEntry<string> => ({
    match,
    value: `${match.kind} ${match.text}`,
    locations,
  });
  const prefix = (text: string, inner: LocationEntry<string>[] = []) =>
    entry({ kind: 'prefix', text }, inner);
  const regex = (text: string, caseless = false) => entry({ kind: 'regex', text, caseless });
  const find = createLocationFinder([
    prefix('/'),
    prefix('/images/'),
    entry({ kind: 'prefix-final', text: '/static/' }),
    entry({ kind: 'exact', text: '/exact' }),
    regex('\\.php$'),
    regex('\\.PNG$', true),
    prefix('/nested/', [prefix('/nested/a/'), entry({ kind: 'exact', text: '/nested/b' }), regex('\\.txt$')]),
    prefix('/nestedregex/'),
  ]);
  it.each([
    ['/', 'prefix /'],
    ['/anything', 'prefix /'],
    ['/images/a.jpg', 'prefix /images/'],
    ['/images/a.png', 'regex \\.PNG$'],
    ['/images', 'prefix /'],
    ['/static/a.php', 'prefix-final /static/'],
    ['/exact', 'exact /exact'],
    ['/exact/', 'prefix /'],
    ['/a.php', 'regex \\.php$'],
    ['/nested/x', 'prefix /nested/'],
    ['/nested/a/x', 'prefix /nested/a/'],
    ['/nested/b', 'exact /nested/b'],
    ['/nested/c.txt', 'regex \\.txt$'],
    ['/nested/a/c.txt', 'regex \\.txt$'],
    ['/nested/x.php', 'regex \\.php$'],
  ])('%s is %s', (uri, expected) => {
    expect(find(uri, { captures: null } as unknown as Exchange)).toBe(expected);
  });
});

describe('paths', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['/a//b', '/a/b'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/b/.', '/a/b/'],
    ['/a/%2e%2e/b', '/b'],
    ['/%41', '/A'],
    ['/a%2Fb', '/a/b'],
    ['//', '/'],
    ['/a/', '/a/'],
    ['/%25', '/%'],
  ])('%s is %s', (raw, expected) => {
    expect(normaliseUri(raw)?.uri).toBe(expected);
  });

  it.each(['/..', '/a/../..', '/%zz', '/%', '/%0', '/%00', '/a%00b', '/%2e%2e'])('%s is refused', (raw) => {
    expect(normaliseUri(raw)).toBeNull();
  });

  it('splits the query at the first question mark and leaves it alone', () => {
    expect(normaliseUri('/a?b=%2F?c')).toEqual({ uri: '/a', args: 'b=%2F?c', hasArgs: true });
    expect(normaliseUri('/a?')).toEqual({ uri: '/a', args: '', hasArgs: false });
  });

  it('never leaves the root and is stable', () => {
    const segment = fc.constantFrom('a', 'b.c', '.', '..', '', '%2e', '%2E%2e', '%2f', 'x%20y');
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 8 }), (segments) => {
        const result = normaliseUri(`/${segments.join('/')}`);
        if (result === null) return;
        expect(result.uri.startsWith('/')).toBe(true);
        expect(result.uri.split('/')).not.toContain('..');
        expect(normaliseUri(escapeUri(result.uri))?.uri).toBe(result.uri);
      }),
    );
  });
});
