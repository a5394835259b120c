// Entries of user files: each form takes its own password and no other, and slow ones are compared beside the event loop.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { matchesEntry } from '../../src/features/auth-basic/password.ts';
import { passwordChecks, type Verdict } from '../../src/features/auth-basic/password-checks.ts';
import { passwordOf } from '../../src/features/auth-basic/user-file.ts';
import { readCredentials } from '../../src/http/basic-credentials.ts';

const openssl = (form: string, salt: string, password: string): string =>
  execFileSync('openssl', ['passwd', `-${form}`, '-salt', salt, password], { encoding: 'utf8' }).trim();

describe('an entry', () => {
  // At and around the lengths of blocks and digests.
  const lengths = [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200];
  it.each(['1', 'apr1', '5', '6'])('of the form %s fits passwords of all lengths', (form) => {
    for (const length of lengths) {
      const password = 'pässwörd'.repeat(30).slice(0, length);
      const bytes = Buffer.from(password).latin1Slice();
      const entry = openssl(form, length % 2 === 0 ? 'salt' : 'sixteensaltchars'.slice(0, 8), password);
      expect(`${length} ${matchesEntry(bytes, entry)}`).toBe(`${length} true`);
      expect(matchesEntry(`${bytes}x`, entry)).toBe(false);
    }
  });

  it.each([
    '',
    '*',
    '!',
    'x',
    'secret',
    '$',
    '$9$a$b',
    '$2y$05$short',
    '{CRYPT}x',
    '$5$rounds=1$a$b',
    '$6$',
    '{SSHA}',
    '{SHA}',
    '$1$',
  ])('that is "%s" is nobody’s password', (entry) => {
    for (const password of ['', 'x', 'secret', '*0', entry])
      expect(matchesEntry(password, entry)).toBe(false);
  });
});

it('reads credentials as nginx does', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text, 'latin1').toString('base64')}`;
  expect(readCredentials(basic('a:b:c'))).toEqual({ user: 'a', password: 'b:c' });
  expect(readCredentials(basic('a:'))).toEqual({ user: 'a', password: '' });
  for (const none of [
    undefined,
    '',
    'Basic',
    'Basic ',
    'Basic a',
    'Basic é',
    'Bearer YTpi',
    basic(':b'),
    basic('a'),
  ])
    expect(readCredentials(none)).toBeNull();
});

it('finds names at the beginning of lines alone', () => {
  expect(passwordOf('#a:1\r\n\r\na:2:3\n', 'a')).toBe('2');
  expect(passwordOf('a:2\r\n', 'a')).toBe('2');
  expect(passwordOf('b:1\na:', 'a')).toBe('');
  expect(passwordOf('ab:1\n', 'a')).toBeUndefined();
});

const check = (password: string, entry: string): Promise<Verdict> =>
  new Promise((resolve) => passwordChecks.check({ password, entry }, resolve));

describe('slow entries', () => {
  const slow = '$2y$11$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
  it('do not hold the event loop', async () => {
    await check('warm', '$1$a$b');
    let turns = 0;
    const turn = (): void => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    expect(await check('U*U', slow)).toBe('wrong');
    clearImmediate(next);
    // One where the loop is held; some thousands where it is not.
    expect(turns).toBeGreaterThan(20);
  });

  it('are asked for in their order, and remembered once they were right', async () => {
    const right = openssl('6', 'salt', 'secret');
    expect(await Promise.all([check('secret', right), check('no', right), check('secret', right)])).toEqual([
      'right',
      'wrong',
      'right',
    ]);
    let within = false;
    passwordChecks.check({ password: 'secret', entry: right }, (verdict) => {
      within = verdict === 'right';
    });
    expect(within).toBe(true);
  });

  it('are compared once for all that ask the same', async () => {
    let told = 0;
    const atTheFirst = new Promise<number>((resolve) => {
      for (let i = 0; i < 50; i++)
        passwordChecks.check({ password: 'the same', entry: slow }, () => {
          if (told++ === 0) setImmediate(() => resolve(told));
        });
    });
    expect(await atTheFirst).toBe(50);
  });

  it('are not compared for clients that left', async () => {
    const told: string[] = [];
    const ask = (password: string, waits: boolean): Promise<void> =>
      new Promise((resolve) => {
        const done = (): void => {
          told.push(password);
          resolve();
        };
        passwordChecks.check({ password, entry: slow }, done, () => waits);
      });
    void ask('first', true);
    for (let i = 0; i < 100; i++) void ask(`left ${i}`, false);
    await ask('last', true);
    expect(told).toEqual(['first', 'last']);
  });

  it('are refused beyond a thousand that wait', async () => {
    const many = Array.from({ length: 1001 }, (_, i) => check(`no ${i}`, '$9$of a form that nobody knows'));
    expect(await many[1000]).toBe('unknown');
    const verdicts = await Promise.all(many.slice(0, 1000));
    expect(new Set(verdicts)).toEqual(new Set(['wrong']));
  }, 30_000);
});
