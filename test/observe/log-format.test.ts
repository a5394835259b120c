// Escaping of log lines, by table and by property.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextSink } from '../../src/observe/line-store.ts';
import {
  COMBINED,
  compileLogFormat,
  escapeDefault,
  escapeJson,
  findFormat,
} from '../../src/observe/log-format.ts';
import type { LogEscape } from '../../src/observe/rows.ts';
import type { VariableLookup } from '../../src/route/template.ts';
import { routeVariables } from '../../src/route/variables.ts';
import { logLine } from '../support/log-line.ts';
import { stubExchange } from '../support/stub-exchange.ts';

const lookup: VariableLookup = (name) => {
  if (name === 'set') return () => 'a"b\\c\t\xe9';
  if (name === 'empty') return () => '';
  if (name === 'unset') return () => undefined;
  if (name === 'target') return (exchange) => exchange.request.target;
  return undefined;
};
const line = (text: string, mode: LogEscape = 'default') =>
  logLine({ name: 'x', escape: mode, text }, lookup)(stubExchange('GET /p?q HTTP/1.1\r\nHost: a\r\n\r\n'));

describe('compileLogFormat', () => {
  it('fills variables into literals', () => {
    expect(line(`[$target] "$\{target}"x$empty.`)).toBe('[/p?q] "/p?q"x.');
    expect(line('no variables')).toBe('no variables');
    expect(line('$target')).toBe('/p?q');
    expect(line('')).toBe('');
  });

  it('escapes values as each mode says, never the literals', () => {
    expect(line('"\\$set')).toBe('"\\a\\x22b\\x5Cc\\x09\\xE9');
    expect(line('"$set', 'json')).toBe('"a\\"b\\\\c\\t\xe9');
    expect(line('$set', 'none')).toBe('a"b\\c\t\xe9');
  });

  it('prints unset variables as - by default and as nothing in the other modes', () => {
    expect(line('<$unset|$empty>')).toBe('<-|>');
    expect(line('<$unset>', 'json')).toBe('<>');
    expect(line('<$unset>', 'none')).toBe('<>');
  });

  it('gives literals as UTF-8 bytes', () => {
    expect(Buffer.from(line('é $target €'), 'latin1').toString('utf8')).toBe('é /p?q €');
  });
});

describe('a line as bytes', () => {
  const bytes = (max: number) =>
    fc.uint8Array({ maxLength: max }).map((b) => Buffer.from(b).toString('latin1'));
  const printable = (max: number) => fc.string({ unit: 'grapheme-ascii', maxLength: max });
  // Short ones and long ones are written otherwise, and so are parts of longer texts.
  const value = fc.oneof(
    fc.constant(undefined),
    ...[bytes, printable].flatMap((text) => [text(20), text(300)]),
    fc.tuple(printable(40), printable(40)).map(([a, b]) => `${a}${b}`),
    printable(80).map((text) => `${text}"\\${text}`.slice(3)),
  );

  it.each([
    ['default', escapeDefault, '-'],
    ['json', escapeJson, ''],
    ['none', (text: string) => text, ''],
  ] as const)('is what escape=%s makes of each value, and the literals between', (mode, escaped, unset) => {
    const shown = (text: string | undefined) => (text === undefined ? unset : escaped(text));
    fc.assert(
      fc.property(value, value, printable(40), (a, b, literal) => {
        const between = literal.replaceAll('$', '');
        const values: Readonly<Record<string, string | undefined>> = { a, b };
        const format = { name: 'x', escape: mode, text: `\${a}${between}\${b}` };
        const line = logLine(format, (name) => () => values[name])(stubExchange());
        expect(line).toBe(`${shown(a)}${between}${shown(b)}`);
      }),
      { numRuns: 400 },
    );
  });

  it('takes a value in its pieces where it has some, and none of them where it is not set', () => {
    const request = routeVariables.plain.request;
    expect(request.pieces).toHaveLength(3);
    for (const head of ['GET /a HTTP/1.1', 'POST /b?c HTTP/1.0', 'PURGE http://a/"x HTTP/1.1']) {
      const x = stubExchange(`${head}\r\nHost: a\r\n\r\n`);
      expect(request(x)).toBe(head);
      const line = logLine({ name: 'x', escape: 'default', text: '<$request>' }, () => request)(x);
      expect(line).toBe(`<${escapeDefault(head)}>`);
    }
    const unread = stubExchange();
    unread.request.forgetLine();
    expect(request(unread)).toBeUndefined();
    for (const [mode, shown] of [
      ['default', '<->'],
      ['json', '<>'],
    ] as const)
      expect(logLine({ name: 'x', escape: mode, text: '<$request>' }, () => request)(unread)).toBe(shown);
  });

  it('is whole where what gives a value writes to the same log', () => {
    const lines: string[] = [];
    const sink = new TextSink((text) => lines.push(text));
    const lookup: VariableLookup = () => (x) => {
      const at = sink.room(5);
      sink.end(at + sink.bytes.latin1Write('said\n', at, 5));
      return x.request.target;
    };
    compileLogFormat({ name: 'x', escape: 'default', text: '$a and $a' }, lookup, sink)(stubExchange());
    expect(lines).toEqual(['said\n', 'said\n', '/ and /\n']);
  });
});

describe('escapeDefault', () => {
  it('escapes exactly what ngx_http_log_escape does', () => {
    for (let code = 0; code < 256; code++) {
      const plain = code >= 0x20 && code < 0x7f && code !== 0x22 && code !== 0x5c;
      const hex = code.toString(16).toUpperCase().padStart(2, '0');
      expect(escapeDefault(`a${String.fromCharCode(code)}b`)).toBe(
        plain ? `a${String.fromCharCode(code)}b` : `a\\x${hex}b`,
      );
    }
  });

  it('gives printable lines from which the bytes can be read back', () => {
    const bytes = fc.uint8Array().map((b) => Buffer.from(b).toString('latin1'));
    fc.assert(
      fc.property(bytes, (value) => {
        const escaped = escapeDefault(value);
        expect(escaped).toMatch(/^[ !#-~]*$/);
        expect(
          escaped.replace(/\\x([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
        ).toBe(value);
      }),
    );
  });
});

describe('escapeJson', () => {
  it('uses the short forms where there are some', () => {
    expect(escapeJson('"\\\n\r\t\b\f\x00\x1f\x0b\x7f\xff/')).toBe(
      '\\"\\\\\\n\\r\\t\\b\\f\\u0000\\u001F\\u000B\x7f\xff/',
    );
  });

  it('gives JSON strings of the same value', () => {
    const bytes = fc.uint8Array().map((b) => Buffer.from(b).toString('latin1'));
    fc.assert(
      fc.property(bytes, (value) => {
        expect(JSON.parse(`"${escapeJson(value)}"`)).toBe(value);
      }),
    );
  });
});

describe('findFormat', () => {
  const main = { name: 'Main', escape: 'none', text: '' } as const;
  it('finds formats without case, and leaves the built-in json to the caller', () => {
    expect(findFormat('main', [main])).toBe(main);
    expect(findFormat('COMBINED', [main])).toBe(COMBINED);
    expect(findFormat('json', [main])).toBeUndefined();
    const own = { name: 'json', escape: 'json', text: '{}' } as const;
    expect(findFormat('json', [main, own])).toBe(own);
  });
});
