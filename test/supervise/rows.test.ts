import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problems } from '../../src/config/problem.ts';
import type { ReadContext, SettingRow } from '../../src/config/row.ts';
import { splitCommand } from '../../src/supervise/command-words.ts';
import { programDefaults, programRows } from '../../src/supervise/rows.ts';

const at = { file: 'conf', line: 1, column: 1 };

function read(name: string, ...args: string[]): { value: unknown; problems: string[] } {
  const row = programRows.find((r): r is SettingRow => r.kind === 'setting' && r.name === name);
  if (row === undefined) throw new Error(`no row ${name}`);
  const problems = new Problems();
  const words = args.map((text) => ({ text, at }));
  const cx: ReadContext = {
    problems,
    directive: { name, args: words, at },
    context: 'program',
    syntax: 'nginx',
    resolvePath: (p) => p,
    template: (w) => w.text,
    pattern: () => true,
    makeVariable: () => undefined,
  };
  return { value: row.read(words, cx), problems: problems.list.map((p) => p.message) };
}

describe('program rows', () => {
  it('have a default for every key and no name twice', () => {
    const settings = programRows.filter((r): r is SettingRow => r.kind === 'setting');
    expect(Object.keys(programDefaults).sort()).toEqual(settings.map((r) => r.key).sort());
    expect(new Set(settings.map((r) => r.name)).size).toBe(settings.length);
  });

  it('document the defaults that they have', () => {
    for (const row of programRows) {
      if (row.kind !== 'setting' || row.default === undefined) continue;
      const value = programDefaults[row.key as keyof typeof programDefaults];
      expect([row.name, read(row.name, row.default).value]).toEqual([row.name, value]);
    }
  });

  it('take a command as one line or as words', () => {
    expect(read('command', ' python3 a.py ').value).toBe('python3 a.py');
    expect(read('command', '  ').problems).toEqual([
      '"command" is empty: write the command that starts the program',
    ]);
  });

  it('keep the words of a command whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 2, maxLength: 6 }), (words) => {
        expect(splitCommand(read('command', ...words).value as string)).toEqual(words);
      }),
    );
  });

  it.each([
    [['A=1', 'B=x=y'], { A: '1', B: 'x=y' }],
    [['A', '1'], { A: '1' }],
    [['A', 'x=y'], { A: 'x=y' }],
    [['A='], { A: '' }],
  ])('read environment %j', (words, value) => {
    expect(read('environment', ...words)).toEqual({ value, problems: [] });
  });

  it.each([[['A']], [['=1']], [['A', 'B', 'C']], [['A B=1']], [['__proto__=1']]])(
    'refuse environment %j',
    (words) => {
      const { value, problems } = read('environment', ...words);
      expect(value).toBeUndefined();
      expect(problems).toEqual([expect.stringMatching(/is not NAME=value/)]);
    },
  );

  it.each([
    ['true', true],
    ['on', true],
    ['OFF', false],
    ['false', false],
    ['unexpected', 'unexpected'],
  ])('read autorestart %s', (word, value) => {
    expect(read('autorestart', word).value).toBe(value);
  });

  it('read ready_lost with its time or without', () => {
    expect(read('ready_lost', 'keep').value).toBe(null);
    expect(read('ready_lost', 'restart').value).toBe(60_000);
    expect(read('ready_lost', 'restart', '1500ms').value).toBe(1500);
    for (const words of [['keep', '5s'], ['restart', '0'], ['restart', 'soon'], ['on']])
      expect(read('ready_lost', ...words).problems).toEqual([
        expect.stringMatching(/^write "ready_lost restart/),
      ]);
  });

  it('read signals as Supervisor does', () => {
    expect(read('stopsignal', 'term').value).toBe('SIGTERM');
    expect(read('stopsignal', 'SIGQUIT').value).toBe('SIGQUIT');
    expect(read('stopsignal', '9').value).toBe('SIGKILL');
    expect(read('stopsignal', 'HALT').problems[0]).toBe(
      '"stopsignal": "HALT" is no signal: write one such as TERM, HUP, INT, QUIT, KILL, USR1, USR2',
    );
  });

  it('read exit statuses with commas and as words', () => {
    expect(read('exitcodes', '0,2', '3').value).toEqual([0, 2, 3]);
    expect(read('exitcodes', '0,,2').value).toBeUndefined();
    expect(read('exitcodes', '256').value).toBeUndefined();
    expect(read('autorestart', 'maybe').value).toBeUndefined();
  });
});
