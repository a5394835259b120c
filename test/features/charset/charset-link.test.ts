// charset's body: whatever the pieces and whenever the sink waits, what comes out is what comes of the whole at once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CharsetLink } from '../../../src/features/charset/charset-link.ts';
import { compileTables } from '../../../src/features/charset/recode.ts';
import { breakEverywhere, cutAt, type MakeLink, runFilter } from '../../support/filter-run.ts';
import { readModel } from '../../support/proxy.ts';

const TABLES = compileTables([
  {
    from: 'a',
    to: 'b',
    pairs: [
      [0xc0, [0xe0]],
      [0xc1, [0x41]],
    ],
  },
  {
    from: 'a',
    to: 'utf-8',
    pairs: [
      [0xc0, [0xd0, 0xb0]],
      [0xc1, [0xe2, 0x82, 0xac]],
      [0x24, [0xc2, 0xa5]],
    ],
  },
]);

const making = (conversion: string): MakeLink => {
  const recoder = TABLES.get(conversion);
  if (recoder === undefined) throw new Error(`there is no ${conversion}`);
  return (x, next) => new CharsetLink(x, next, recoder());
};

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
  fc
    .string({ unit: fc.constantFrom('a', '$', 'а', '€', 'я', '\u{1f600}'), maxLength: 30 })
    .map((text) => Buffer.from(text)),
);

describe('the body of charset', () => {
  it.each(['a b', 'b a', 'a utf-8', 'utf-8 a'])('%s: is the same in all pieces', (conversion) => {
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(120), { maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        fc.constantFrom('last' as const, 'finish' as const),
        (body, places, waits, how) => {
          const whole = runFilter(making(conversion), [body]);
          expect(runFilter(making(conversion), cutAt(body, places), waits, how).equals(whole)).toBe(true);
        },
      ),
      { numRuns: 800 },
    );
  });

  it('a large one goes on in pieces as large as the sink takes them', () => {
    const body = Buffer.from('я'.repeat(60_000));
    const out = runFilter(making('utf-8 a'), cutAt(body, [77_777]), [true]);
    expect(out.latin1Slice()).toBe('&#1103;'.repeat(60_000));
  });

  it('there and back is the same', () => {
    const body = Buffer.from('$100 \xc0\xc1', 'latin1');
    const there = runFilter(making('a utf-8'), [body]);
    expect(there.toString()).toBe('¥100 а€');
    expect(runFilter(making('utf-8 a'), [there]).equals(body)).toBe(true);
  });

  it.each(['a b', 'a utf-8', 'utf-8 a'])('%s: ends once, whatever comes when', (conversion) => {
    breakEverywhere(
      making(conversion),
      ['ab\xd0', '\xb0\xe2', '\x82\xac', 'x'].map((text) => Buffer.from(text, 'latin1')),
    );
  });
});

describe('charset_map is refused', () => {
  const server = 'server { listen 127.0.0.1:1; }';
  it.each([
    [`charset_map a A { } ${server}`, '"charset_map" between the same charsets "a" and "A"'],
    [`charset_map UTF-8 a { } ${server}`, 'should be given in the second column'],
    [`charset_map a b { } charset_map B a { } ${server}`, 'duplicate "charset_map" between "B" and "a"'],
    [`charset_map a b { 100 1; } ${server}`, '"100" is no byte in hexadecimal'],
    [`charset_map a b { 80 8182; } ${server}`, '"8182" is no byte in hexadecimal'],
    [`charset_map a utf-8 { 80 41; } ${server}`, '"41" is no character of utf-8'],
    [`charset_map a utf-8 { 80 F09F9880; } ${server}`, '"F09F9880" is no character of utf-8'],
    [`charset_map a b { 80; } ${server}`, 'a line of "charset_map" is a byte and what it becomes'],
    [
      'server { listen 127.0.0.1:1; charset a; source_charset b; }',
      'no "charset_map" between the charsets "b" and "a"',
    ],
  ])('%s', (http, message) => {
    expect(() => readModel(`http { ${http} }`)).toThrow(message);
  });

  it('in JSON it is an object', () => {
    const { model, remove } = readModel(
      '{ "charset_map": { "koi8-r utf-8": { "C0": "D18E" } }, "charset": "utf-8", "servers": [{ "listen": "127.0.0.1:1" }] }',
    );
    remove();
    expect(model.settings.charsetMaps).toEqual([
      { from: 'koi8-r', to: 'utf-8', pairs: [[0xc0, [0xd1, 0x8e]]] },
    ]);
    expect(model.servers[0].settings.charset).toBe('utf-8');
  });
});
