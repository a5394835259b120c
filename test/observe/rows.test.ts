// Reading of log_format, access_log and error_log, and the check of format names over a whole tree.
import { describe, expect, it } from 'vitest';
import { Problems } from '../../src/config/problem.ts';
import type { ReadContext, SettingRow } from '../../src/config/row.ts';
import type { Directive, Word } from '../../src/config/tree.ts';
import { checkLogFormats } from '../../src/observe/check-log-formats.ts';
import { observeRows } from '../../src/observe/rows.ts';

const at = (column: number) => ({ file: 'x.conf', line: 1, column });
const words = (...texts: string[]): Word[] => texts.map((text, i) => ({ text, at: at(10 * (i + 1)) }));

function read(name: string, texts: string[], syntax: 'nginx' | 'json' = 'nginx') {
  const row = observeRows.find((r) => r.name === name) as SettingRow;
  const problems = new Problems();
  const templates: Word[] = [];
  const args = words(...texts);
  const cx: ReadContext = {
    problems,
    directive: { name, args, at: at(1) },
    context: 'http',
    syntax,
    resolvePath: (path) => (path.startsWith('/') ? path : `/prefix/${path}`),
    pattern: () => true,
    makeVariable: () => undefined,
    template: (word) => {
      templates.push(word);
      return word.text;
    },
  };
  const value = row.read(args, cx);
  return {
    value,
    messages: problems.list.map((p) => p.message),
    columns: problems.list.map((p) => p.at.column),
    templates,
  };
}

describe('log_format', () => {
  it('joins its strings and reads the escaping', () => {
    expect(read('log_format', ['main', '$status ', '"$uri"']).value).toEqual({
      name: 'main',
      escape: 'default',
      text: '$status "$uri"',
    });
    expect(read('log_format', ['j', 'escape=json', '{"a":"$uri"}']).value).toEqual({
      name: 'j',
      escape: 'json',
      text: '{"a":"$uri"}',
    });
    expect(read('log_format', ['n', 'escape=none', '$uri']).value).toMatchObject({ escape: 'none' });
  });

  it('does not let a name at the end of one string run into the next', () => {
    expect(read('log_format', ['m', '$status', 'ms', '-$a', '-']).value).toMatchObject({
      text: `\${status}ms-$a-`,
    });
    expect(read('log_format', ['m', '$status', '$uri', '_x']).value).toMatchObject({
      text: `$status\${uri}_x`,
    });
  });

  it('gives each string to the check of variable names with its place', () => {
    const { templates } = read('log_format', ['m', 'escape=json', '$a', '$b']);
    expect(templates.map((w) => [w.text, w.at.column])).toEqual([
      ['$a', 30],
      ['$b', 40],
    ]);
  });

  it('refuses combined, unknown escapings and a lone $ at the end of a string', () => {
    expect(read('log_format', ['combined', 'x']).messages[0]).toContain('built in');
    const unknown = read('log_format', ['x', 'escape=xml', 'x']);
    expect(unknown.messages[0]).toContain('unknown escaping "xml"');
    expect(unknown.columns).toEqual([20]);
    expect(unknown.value).toBeUndefined();
    expect(read('log_format', ['x', 'a$', 'b']).value).toBeUndefined();
  });
});

describe('access_log', () => {
  it('takes the format of the syntax, and the buffering that nginx documents', () => {
    const plain = {
      path: '/prefix/a.log',
      format: 'combined',
      bufferBytes: 65_536,
      flushMs: 100,
      condition: null,
    };
    expect(read('access_log', ['a.log']).value).toEqual(plain);
    expect(read('access_log', ['a.log'], 'json').value).toEqual({ ...plain, format: 'json' });
    expect(read('access_log', ['/a', 'main', 'buffer=32k']).value).toMatchObject({
      bufferBytes: 32_768,
      flushMs: 0,
    });
    expect(read('access_log', ['/a', 'main', 'buffer=1m', 'flush=5m']).value).toMatchObject({
      bufferBytes: 1_048_576,
      flushMs: 300_000,
    });
  });

  it('reads off, the standard streams and conditions', () => {
    expect(read('access_log', ['off']).value).toMatchObject({ path: 'off' });
    expect(read('access_log', ['/dev/stdout']).value).toMatchObject({ path: 'stdout' });
    expect(read('access_log', ['stderr']).value).toMatchObject({ path: 'stderr' });
    const { value, templates } = read('access_log', ['/a', 'main', 'if=$a=b']);
    expect(value).toMatchObject({ condition: '$a=b' });
    expect(templates).toEqual([{ text: '$a=b', at: at(33) }]);
  });

  it.each([
    [['off', 'main'], 'takes no other', 20],
    [['/a', 'main', 'buffer=0'], 'invalid buffer size "0"', 30],
    [['/a', 'main', 'buffer=1k', 'flush=x'], 'invalid flush time "x"', 40],
    [['/a', 'main', 'flush=1s'], 'needs buffer=', 10],
    [['/a', 'main', 'bufer=1k'], 'invalid parameter "bufer=1k"', 30],
    [['/a/$host.log', 'main', 'buffer=1k'], 'cannot have variables in name', 10],
    [['syslog:server=127.0.0.1', 'main', 'gzip'], 'cannot be buffered', 10],
    [['syslog:server=unix:'], 'no path in the unix domain socket', 10],
    [['/a', 'main', 'gzip=10'], 'invalid compression level', 30],
  ])('refuses %j', (texts, message, column) => {
    const { value, messages, columns } = read('access_log', texts);
    expect(value).toBeUndefined();
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(message);
    expect(columns).toEqual([column]);
  });
});

describe('error_log', () => {
  it('reads path and level', () => {
    expect(read('error_log', ['logs/error.log']).value).toEqual({
      path: '/prefix/logs/error.log',
      level: null,
    });
    expect(read('error_log', ['stderr', 'warn']).value).toEqual({ path: 'stderr', level: 'warn' });
    expect(read('error_log', ['stderr', 'loud']).messages[0]).toContain('invalid log level "loud"');
  });
});

describe('checkLogFormats', () => {
  const directive = (name: string, texts: string[], block?: Directive[]): Directive => ({
    name,
    args: words(...texts),
    block,
    at: at(1),
  });
  const check = (...http: Directive[]) => {
    const problems = new Problems();
    checkLogFormats([directive('http', [], http)], problems);
    return problems.list.map((p) => `${p.at.column} ${p.message}`);
  };

  it('finds unknown formats at any depth, and says what was meant', () => {
    const server = directive(
      'server',
      [],
      [directive('location', ['/'], [directive('access_log', ['/a', 'maim'])])],
    );
    expect(check(directive('log_format', ['main', 'x']), server)).toEqual([
      '20 unknown log format "maim": did you mean "main"?',
    ]);
  });

  it('accepts built-in formats, other case, and a format that stands later', () => {
    const logs = [['/a'], ['/a', 'combined'], ['/a', 'json'], ['/a', 'MAIN'], ['off']].map((a) =>
      directive('access_log', a),
    );
    expect(check(...logs, directive('log_format', ['main', 'x']))).toEqual([]);
  });

  it('refuses the same name twice; json may be defined anew', () => {
    expect(check(directive('log_format', ['m', 'x']), directive('log_format', ['m', 'y']))).toEqual([
      '10 duplicate log_format name "m": rename one of them',
    ]);
    expect(check(directive('log_format', ['json', 'x']))).toEqual([]);
  });
});
