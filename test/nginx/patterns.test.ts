// Regular expressions as nginx reads them: thousands of patterns, written by hand and made at random, over subjects of any bytes. What
// lbproxy takes matches as in nginx, captures and all; what it does not take it refuses.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compilePattern, type Pattern } from '../../src/route/pattern.ts';
import { escapeArgs } from '../../src/route/uri.ts';
import { ask, freePort, type NginxReference, nginxVersion, startNginxHttp } from '../support/nginx.ts';
import { HAND_WRITTEN, SUBJECTS } from './patterns-cases.ts';
import { randomPatterns } from './patterns-random.ts';

/** Patterns of one location: each request asks for all of them at once. */
const PER_LOCATION = 160;

interface Case {
  readonly pattern: string;
  readonly caseless: boolean;
  readonly compiled: Pattern;
}

const asked = [
  ...HAND_WRITTEN.flatMap((pattern) => [
    { pattern, caseless: false },
    { pattern, caseless: true },
  ]),
  ...randomPatterns(3000, 20_261).map((pattern, i) => ({ pattern, caseless: i % 4 === 0 })),
];

const taken: Case[] = [];
for (const { pattern, caseless } of asked) {
  const compiled = compilePattern(pattern, caseless);
  if (!('error' in compiled)) taken.push({ pattern, caseless, compiled });
}

/** A word of nginx's configuration that stands for these bytes; `$` and all else is as it is in an `if`. */
const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

function location(cases: readonly Case[], index: number): string {
  const tests = cases.map(
    ({ pattern, caseless }, i) =>
      `set $r${i} "-"; if ($subject ${caseless ? '~*' : '~'} ${quoted(pattern)}) { set $r${i} "<$1><$2><$3><$4><$5><$6><$7><$8><$9>"; }`,
  );
  const all = cases.map((_, i) => `$r${i}`).join('\u0001');
  return `location /p${index}/ { ${tests.join('\n')} return 200 "${all}"; }`;
}

/**
 * Where PCRE2 10.42 goes wrong (and Perl, and PCRE2 without its auto-possessification, do not): it takes loops for possessive in front
 * of an optional possessive group, and of \R and \v, whose byte 85 is no blank to it.
 */
const DEFECTS = [
  ['ab+(?:A)?+b$', 'abb'],
  ['a\\S*\\v$', 'a\u0085'],
  ['a\\R*?\\s(?<!1)$', 'a\n'],
] as const;

const escaped = (subject: string): string =>
  Array.from(subject, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');

function answerOf({ compiled }: Case, subject: string): string {
  const found = compiled.exec(subject);
  if (found === null) return '-';
  // What a rewrite captures is escaped where anything in the URI was.
  return Array.from({ length: 9 }, (_, i) => `<${escapeArgs(found[i + 1] ?? '')}>`).join('');
}

describe.skipIf(nginxVersion === '')('regular expressions beside nginx', () => {
  let nginx: NginxReference;
  const locations: Case[][] = [];
  for (let i = 0; i < taken.length; i += PER_LOCATION) locations.push(taken.slice(i, i + PER_LOCATION));

  beforeAll(async () => {
    const port = await freePort();
    nginx = await startNginxHttp(
      `variables_hash_max_size 16384; server { listen 127.0.0.1:${port}; merge_slashes off; large_client_header_buffers 4 32k;
        rewrite_log off; if ($uri ~ "^/p\\\\d+/(?<subject>(?s:.*))$") { set $dummy 1; }
        ${DEFECTS.map(([pattern], i) => `location /defect${i}/ { if ($uri ~ ${quoted(pattern)}) { return 200 "matches"; } return 200 "does not match"; }`).join(' ')}
        ${locations.map(location).join('\n')} }`,
      port,
    );
  }, 60_000);
  afterAll(async () => nginx?.stop());

  it('are asked in numbers', () => {
    expect(asked.length).toBeGreaterThanOrEqual(3000);
    expect(SUBJECTS.length).toBeGreaterThanOrEqual(70);
    // What is refused is the smaller part.
    expect(taken.length / asked.length).toBeGreaterThan(0.75);
  });

  it('match as there', async () => {
    const unequal: string[] = [];
    for (const [index, cases] of locations.entries()) {
      for (const subject of SUBJECTS) {
        const { status, body } = await ask(
          nginx.port,
          `GET /p${index}/${escaped(subject)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        );
        const theirs = body.toString('latin1').split('\u0001');
        if (status !== 200 || theirs.length !== cases.length) {
          unequal.push(`${index}: ${JSON.stringify(subject)}: ${status}, ${theirs.length} answers`);
          continue;
        }
        for (const [i, one] of cases.entries()) {
          if (/\\[Rv]/.test(one.pattern) && subject.includes('\u0085')) continue;
          const ours = answerOf(one, subject);
          if (ours !== theirs[i])
            unequal.push(
              `${JSON.stringify(one.pattern)}${one.caseless ? ' (i)' : ''} on ${JSON.stringify(subject)}: nginx ${JSON.stringify(theirs[i])}, here ${JSON.stringify(ours)}`,
            );
        }
      }
    }
    expect(unequal).toEqual([]);
  }, 240_000);

  it('differ where the PCRE of this nginx is wrong', async () => {
    for (const [i, [pattern, subject]] of DEFECTS.entries()) {
      const compiled = compilePattern(pattern, false);
      expect('error' in compiled ? compiled : compiled.exec(subject)?.length).toBe(1);
      const { body } = await ask(
        nginx.port,
        `GET /defect${i}/${escaped(subject)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      expect(body.toString()).toBe('does not match');
    }
  });
});
