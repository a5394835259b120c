// The log hook of a location, written to real files.
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAccessLog } from '../../src/observe/access-log.ts';
import { LogFiles } from '../../src/observe/log-files.ts';
import { type AccessLogEntry, DEFAULT_BUFFERING, type LogFormat } from '../../src/observe/rows.ts';
import { observeVariables } from '../../src/observe/variables.ts';
import type { VariableLookup } from '../../src/route/template.ts';
import { stubExchange } from '../support/stub-exchange.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-log-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const lookup: VariableLookup = (name) => {
  if (name === 'http_x') return (exchange) => exchange.request.get('x');
  if (name === 'request')
    return ({ request }) => `${request.method} ${request.target} HTTP/1.${request.minor}`;
  if (name === 'remote_addr') return (exchange) => exchange.client.remoteAddress;
  return observeVariables.plain[name];
};
const entry = (name: string, format: string, condition: string | null = null): AccessLogEntry => ({
  path: name === 'off' ? 'off' : join(dir, name),
  format,
  condition,
  ...DEFAULT_BUFFERING,
});
const short: LogFormat = { name: 'short', escape: 'default', text: '$status $http_x' };
const text = (name: string) => readFileSync(join(dir, name), 'latin1');

function exchange(x: string, status = 200) {
  const made = stubExchange(`GET /a HTTP/1.1\r\nHost: a\r\nX: ${x}\r\n\r\n`);
  made.status = status;
  return made;
}

describe('createAccessLog', () => {
  it('is null where nothing is logged', () => {
    const files = new LogFiles();
    expect(createAccessLog([], { formats: [], cache: null, lookup, files })).toBeNull();
    expect(
      createAccessLog([entry('a', 'combined'), entry('off', '')], {
        formats: [],
        cache: null,
        lookup,
        files,
      }),
    ).toBeNull();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('writes every log of the list in its format', async () => {
    const files = new LogFiles();
    const log = createAccessLog([entry('a', 'Short'), entry('b', 'combined'), entry('c', 'json')], {
      formats: [short],
      cache: null,
      lookup,
      files,
    });
    log?.(exchange('"1"'));
    log?.(exchange('2', 404));
    await files.flushAll(2000);
    expect(text('a')).toBe('200 \\x221\\x22\n404 2\n');
    expect(text('b').split('\n')[0]).toMatch(
      /^192\.0\.2\.7 - - \[[^\]]+\] "GET \/a HTTP\/1\.1" 200 0 "-" "-"$/,
    );
    expect(
      text('c')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).status),
    ).toEqual([200, 404]);
  });

  it('prefers a format of the configuration to the built-in json', async () => {
    const files = new LogFiles();
    createAccessLog([entry('a', 'json')], {
      formats: [{ ...short, name: 'json' }],
      cache: null,
      lookup,
      files,
    })?.(exchange('1'));
    await files.flushAll(2000);
    expect(text('a')).toBe('200 1\n');
  });

  it('logs unless the condition is empty or 0', async () => {
    const files = new LogFiles();
    const log = createAccessLog([entry('a', 'short', '$http_x')], {
      formats: [short],
      cache: null,
      lookup,
      files,
    });
    for (const x of ['1', '0', '', '00', 'no']) log?.(exchange(x));
    await files.flushAll(2000);
    expect(text('a')).toBe('200 1\n200 00\n200 no\n');
  });

  it('says at start which directory is missing', () => {
    expect(() =>
      createAccessLog([entry('no/a', 'combined')], {
        formats: [],
        cache: null,
        lookup,
        files: new LogFiles(),
      }),
    ).toThrow('does not exist: create it');
  });

  it('closes files of names with variables once their configuration is gone', () => {
    const files = new LogFiles();
    const cache = { max: 10, inactiveMs: 60_000, minUses: 1, validMs: 60_000 };
    const log = createAccessLog([{ ...entry('$http_x', 'short'), hasVariables: true }], {
      formats: [short],
      cache,
      lookup,
      files,
    });
    files.retire();
    for (const name of ['a', 'b']) log?.(exchange(name));
    expect(openFiles()).toEqual(['a', 'b']);
    files.discard();
    expect(openFiles()).toEqual(['a', 'b']);
    files.retire();
    expect(openFiles()).toEqual([]);
    log?.(exchange('a'));
    expect(openFiles()).toEqual([]);
    expect(text('a')).toBe('200 a\n200 a\n');
  });
});

/** Of those in the directory, what this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd')
    .map(targetOf)
    .filter((target) => target.startsWith(`${dir}/`))
    .map((target) => target.slice(dir.length + 1))
    .sort();
}

/** The listing's own descriptor is gone by now. */
function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}
