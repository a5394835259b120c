// Patterns: what is refused and why, that both matchers agree, and that no subject takes long.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { compilePattern, ignoresCase, type Pattern, patternOf } from '../../src/route/pattern.ts';
import { checkReferences, isNative } from '../../src/route/pcre/check.ts';
import { nativeSource } from '../../src/route/pcre/native.ts';
import { compileProgram } from '../../src/route/pcre/program.ts';
import { readPattern } from '../../src/route/pcre/read.ts';
import { search } from '../../src/route/pcre/search.ts';
import { contains } from '../../src/route/pcre/tree.ts';
import { HAND_WRITTEN, SUBJECTS } from '../nginx/patterns-cases.ts';
import { randomPatterns } from '../nginx/patterns-random.ts';
import { cpuMs, leastCpuMs } from '../support/cpu-time.ts';

function errorOf(pattern: string, caseless = false): string {
  const compiled = compilePattern(pattern, caseless);
  return 'error' in compiled ? compiled.error : `accepted`;
}

describe('a pattern is refused', () => {
  it.each([
    ['(a', 'a "(" without its ")", at "(a"'],
    ['a)', 'a ")" without its "(", at ")"'],
    ['[a', 'a class without its "]", at "[a"'],
    ['ab\\', 'a backslash at the end of the pattern, at "\\"'],
    ['x+*', 'a quantifier after a quantifier: put what it repeats into (?:…), at "*"'],
    ['*.php', 'nothing to repeat, at "*.php"'],
    ['[z-a]', 'a range whose end comes before its begin, at "-a]"'],
    ['[\\w-.]', 'a "-" after a set such as \\w or [:alpha:]: write it last, or as \\-, at "-.]"'],
    [
      '[:alpha:]',
      '[:alpha:] stands only inside a class, with a name of PCRE\'s: [[:alpha:]], at "[:alpha:]"',
    ],
    ['[[:letter:]]', /^a class knows no \[:letter:\]; there are alpha, lower,/],
    ['a\\yb', 'PCRE knows no \\y, at "\\yb"'],
    ['\\x{20ac}', 'a character above 255: lbproxy matches bytes, at "\\x{20ac}"'],
    ['\\p{Greek}', 'only general categories of Unicode (such as \\p{L}) are known here, at "\\p{Greek}"'],
    ['(*UTF8)é', 'verbs such as (*UTF8) are not supported: lbproxy matches bytes, at "(*UTF8)é"'],
    ['(?|(a)|(b))', '(?|…), groups that share numbers, is not supported, at "(?|(a)|(b))"'],
    ['(a)?(?(1)b|c)', 'conditions, (?(…)…), are not supported, at "(?(1)b|c)"'],
    ['(a(?1)?)', 'patterns that call groups are not supported, at "(?1)?)"'],
    ['(?<n>a)(?<n>b)', 'two groups have the name "n", at "(?<n>b)"'],
    ['(a)?\\1', 'a reference to group 1, which may have taken no part in the match, at "\\1"'],
    ['(?i)(a)\\1', 'a reference to a group in a pattern without regard to case, at "\\1"'],
    ['(?<=a+)b', 'each alternative of a look-behind matches one number of bytes, at "(?<=a+)b"'],
    ['(?:|a)*', /^a repeated group that can match nothing before it has tried the rest/],
    [
      '(.*)(.*)\\1',
      'a reference to a group beside loops that can read the same bytes: a client could stall it',
    ],
    ['(?:(?:a{900}){900}){900}', /^counts that a client could stall it with/],
    ['[a-z]{1,500}!', /^counts that a client could stall it with/],
    ['('.repeat(260) + ')'.repeat(260), /^groups more than 250 deep/],
  ])('%s', (pattern, reason) => {
    if (typeof reason === 'string') expect(errorOf(pattern)).toBe(reason);
    else expect(errorOf(pattern)).toMatch(reason);
  });

  it('or read at once, however deep its groups are', async () => {
    const deep = (depth: number): string => (depth === 0 ? 'x' : `a(?:${deep(depth - 1)})?`);
    const read = (): void => expect(patternOf(deep(100), false).exec(`${'a'.repeat(100)}x`)).not.toBe(null);
    expect(await leastCpuMs(() => cpuMs(read), 1000)).toBeLessThan(1000);
  });

  it('with no other error, whatever it is made of', () => {
    const pieces = [
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '\\',
      '?',
      '*',
      '+',
      '^',
      '$',
      '|',
      ':',
      '<',
      '>',
      '=',
      '!',
      'P',
      'Q',
      'E',
      '1',
      ',',
      '-',
      'é',
    ];
    let state = 7;
    for (let i = 0; i < 20_000; i++) {
      let pattern = '';
      for (let length = 0; length < 1 + (i % 12); length++) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        pattern += pieces[(state >>> 8) % pieces.length];
      }
      expect(() => compilePattern(pattern, i % 2 === 0)).not.toThrow();
    }
  });
});

describe('both matchers', () => {
  it('find the same', () => {
    let compared = 0;
    for (const pattern of [...HAND_WRITTEN, ...randomPatterns(1500, 4711)]) {
      for (const caseless of [false, true]) {
        if ('error' in compilePattern(pattern, caseless)) continue;
        const { root, groups } = readPattern(Buffer.from(pattern).toString('latin1'), caseless);
        if (!isNative(root) || contains(root, (part) => part.kind === 'back')) continue;
        checkReferences(root);
        const program = compileProgram(root, groups);
        if (program === undefined) continue;
        const native = new RegExp(nativeSource(root));
        for (const subject of SUBJECTS) {
          const expected = native.exec(subject);
          const found = search(program, subject);
          compared++;
          // Where a newline ends the match, the one eats it and the other looks at it; what a group did not take part in is nothing.
          const shown = (groups: readonly (string | undefined)[] | null) =>
            groups === null ? null : groups.slice(1).map((group) => group ?? '');
          if (JSON.stringify(shown(found)) !== JSON.stringify(shown(expected)))
            expect({ pattern, caseless, subject, found: shown(found) }).toEqual({ found: shown(expected) });
        }
      }
    }
    expect(compared).toBeGreaterThan(100_000);
  });
});

describe('as in PCRE', () => {
  it.each([
    ['(?<=(.){3})x', 'abcx', ['c']],
    ['(?<=(a|b|c){3})x', 'abcx', ['c']],
    ['(?<!(a){3})x', 'abcx', [undefined]],
    ['(?i)[[:^upper:]]', 'a', null],
    ['(?i)[^[:^lower:]]', 'A', []],
    ['(?i)[[:upper:]]', 'a', []],
    ['(?i)[\\p{Lu}]', 'a', null],
    ['(?i)[\\P{Lu}]', 'A', null],
    ['(?i)[\\p{Lu}z]', 'Z', []],
    ['(?i)[\\Qa\\E]', 'A', []],
    ['(?i)[b-d]', 'C', []],
    ['[a\\E-z]', 'b', []],
    ['[a\\Q\\E-z]', 'b', []],
  ])('%s matches %s, with these captures: %j', (pattern, subject, captures) => {
    expect(patternOf(pattern, false).exec(subject)?.slice(1) ?? null).toEqual(captures);
  });
});

describe('a subject of 32 KB', () => {
  const far = 32_768;
  it.each([
    ['^/static/.*(css|js|.*\\.png).*\\.(gz|br)$', `/static/${'css'.repeat(far / 3)}`],
    ['^/static/.*(css|js|.*\\.png).*\\.(gz|br)$', `/static/${'.png.gz'.repeat(far / 7)}/`],
    ['^(a+)+$', `${'a'.repeat(far)}b`],
    ['^(a|aa)+$', `${'a'.repeat(far)}b`],
    ['^([a-z0-9]+\\.?)+$', `${'a'.repeat(far)}!`],
    ['(x+x+)+y', 'x'.repeat(far)],
    ['(.*)(.*)(.*)(.*)\\.php$', '.php/'.repeat(far / 5)],
    ['^(?=.*[a-z])(?!.*internal)(.*)\\.(js|css)$', 'a.js/'.repeat(far / 5)],
    ['/api/(?!.*internal).*\\.x$', '/api/'.repeat(far / 5)],
    ['(?:(?=.*x)a)*b', 'a'.repeat(far)],
    ['((?!ab).)*c$', 'aa'.repeat(far / 2)],
    ['(?i)^/A.*B.*C.*D$', `/a${'bc'.repeat(far / 2)}`],
    ['\\w++\\.', 'a'.repeat(far)],
    ['(?:(a)|b)*c', 'ab'.repeat(far / 2)],
    ['([a-z]+)*[0-9]$', 'a'.repeat(far)],
    ['(?s)^(.*?,){11}P', '1,'.repeat(far / 2)],
    ['[a-z]{0,8}[a-z]{0,8}[a-z]{0,8}[a-z]{0,8}!', 'a'.repeat(far)],
    [`${'a?'.repeat(24)}!`, 'a'.repeat(far)],
    [`${'(?:a|aa)'.repeat(14)}!`, 'a'.repeat(far)],
    ['[ab]{0,8}-?[ab]{0,8}-?[ab]{0,8}-?[ab]{0,8}!', 'ab'.repeat(far / 2)],
    ['^(([^/]*)/)*x$', '//'.repeat(far / 2)],
  ])('%s takes little time of the processor', async (pattern, subject) => {
    const compiled = patternOf(pattern, false);
    compiled.exec(subject);
    const find = (): void => expect(compiled.exec(subject)).toBe(null);
    expect(await leastCpuMs(() => cpuMs(find), 300)).toBeLessThan(300);
  });

  it('leaves no memory behind that a pattern of large counts took for it', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const compiled = patternOf('(?:[^/]{1,14}/){0,20}!', false);
    collect();
    const before = process.memoryUsage().arrayBuffers;
    expect(compiled.exec('a'.repeat(far))).toBe(null);
    collect();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16_000_000);
  });

  it('has its captures, too', () => {
    const path = `/a${'/bc'.repeat(far / 3)}/last.html`;
    const found = patternOf('^/([^/]+)/(.*)/(.*)\\.(html|php)$', false).exec(path);
    expect(found?.slice(1)).toEqual(['a', path.slice(3, -10), 'last', 'html']);
  });
});

describe('patterns', () => {
  const doubles = (pattern: string) => (compilePattern(pattern, false) as Pattern).doubles;

  it.each(['^(a+)+$', '(a|a)*b', '^([a-z]+\\.?)+$', '(\\w+\\s?)+$', '(.*)*x'])('double in %s', (pattern) => {
    expect(doubles(pattern)).toBe(true);
  });
  it.each([
    '^(/[^/]+)+$',
    '^/(.*)/(.*)$',
    '^(\\d{1,3}\\.){3}\\d{1,3}$',
    '(?:[a-z]+\\.)+com$',
    '^(?:ab|cd)*e',
  ])('do not in %s', (pattern) => {
    expect(doubles(pattern)).toBe(false);
  });

  it('of server names ignore case where they have a capital letter', () => {
    expect(['^a\\.example$', '^A\\.example$', '^\\d+$', '^\\D+$'].map(ignoresCase)).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });
});
