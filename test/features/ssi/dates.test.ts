// The dates of pages: every conversion as the C library writes it.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { strftime } from '../../../src/features/ssi/dates.ts';

const CONVERSIONS = 'aAbBcCdDeFgGhHIjklmMprRsSTuUVwWxXyYz%'.split('');
const FORMAT = CONVERSIONS.map((c) => `${c}=%${c}`).join('|');
/** Ends and beginnings of years, whose weeks belong to either; leap years; morning, noon and night. */
const SECONDS = [
  0, 1_700_000_000, 951_782_400, 1_735_689_599, 1_735_689_600, 1_609_459_200, 1_230_768_000, 1_104_537_599,
].concat([
  1_325_376_000, 1_703_980_800, 1_709_164_800, 1_767_225_599, 1_798_761_600, 4_102_444_800, 1_450_000_000,
]);

describe('strftime', () => {
  it.each(SECONDS)('at %i', (second) => {
    const theirs = execFileSync('date', ['-u', '-d', `@${second}`, `+${FORMAT}`], {
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
      encoding: 'utf8',
    });
    expect(`${strftime(FORMAT, new Date(second * 1000), true)}\n`).toBe(theirs);
  });

  it('knows flags, white space, seconds alone, and leaves what it does not know', () => {
    const date = new Date(5_000);
    expect(strftime('%s', date, false)).toBe('5');
    expect(strftime('%-d %_d %^a %n%t %Q %Ey %Z', date, true)).toBe('1  1 THU \n\t %Q 70 GMT');
  });

  it('of a text that is too long is none', () => {
    expect(strftime('x'.repeat(2048), new Date(0), true)).toBe('');
    expect(strftime('%A'.repeat(1000), new Date(0), true)).toBe('');
  });
});
