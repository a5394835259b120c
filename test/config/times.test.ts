// Every directive that takes a time takes any from a millisecond to a century as it is, and refuses what no number can hold.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/cli/read-config.ts';
import type { Model, Settings } from '../../src/config/model.ts';
import { ROWS } from '../../src/config/registry.ts';
import { parseSize, parseTime } from '../../src/config/units.ts';
import { TIME_ROWS, type TimeRow } from '../support/time-rows.ts';

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;
const YEAR = 365 * DAY;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** A configuration with one directive, in its place. */
function around({ context }: TimeRow, directive: string): string {
  const at = (place: string): string => (context === place ? directive : '');
  const peer = directive.startsWith('server ') ? '' : 'server 127.0.0.1:1;';
  return `${at('main')} program p { command "sleep 1"; ${at('program')} }
    http { ${at('http')} upstream u { ${peer} ${at('upstream')} }
      server { listen 127.0.0.1:8080; location / { proxy_pass http://u; } } }`;
}

function read(row: TimeRow, time: string): { model: Model | undefined; problems: string[] } {
  const file = join(dir, 'a.conf');
  writeFileSync(file, around(row, row.write(time)).replaceAll('PORT2', '1').replaceAll('DIR', dir));
  const { model, problems } = readConfig(file, {});
  return { model, problems: problems.list.map(({ at, message }) => `${at.line}:${at.column} ${message}`) };
}

/** What was read for the row. */
function valueOf({ row, context }: TimeRow, model: Model): unknown {
  const levels: Partial<Record<string, Settings>> = {
    main: model.settings,
    program: model.programs[0].settings,
    upstream: model.upstreams[0].settings,
    http: model.servers[0].locations[0].settings,
  };
  return levels[context]?.[row.key];
}

/** All numbers in a value. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

const EACH = TIME_ROWS.map((row) => [`${row.row.name} in ${row.context}`, row] as const);

describe('the table of times', () => {
  it('has all that the registry has', () => {
    const plain = ROWS.filter((row) => row.kind === 'setting' && row.syntax === 'time');
    expect(plain.length).toBeGreaterThan(12);
    expect(TIME_ROWS.length).toBeGreaterThan(plain.length);
    expect(TIME_ROWS.map(({ row }) => row.name)).toEqual(
      expect.arrayContaining(['worker_shutdown_timeout', 'stopwaitsecs', 'access_log', 'expires', 'server']),
    );
  });
});

describe.each(EACH)('%s', (_, row) => {
  it.each([
    ['1ms', 1],
    ['999ms', 999],
    ['1', SECOND],
    ['2147483647ms', 2 ** 31 - 1],
    ['2147483648ms', 2 ** 31],
    ['25d', 25 * DAY],
    ['49d 17h 2m 47s 296ms', 2 ** 32],
    ['36500d', 100 * YEAR],
    ['100y', 100 * YEAR],
  ])('takes %s', (time, ms) => {
    // Spaces would make several words of it.
    const { model, problems } = read(row, time.replaceAll(' ', ''));
    // As in nginx: it counts whole seconds.
    if (row.row.name === 'expires' && time.includes('ms')) {
      expect(problems).toEqual([expect.stringContaining(`"${time.replaceAll(' ', '')}" is not a time`)]);
      return;
    }
    expect(problems).toEqual([]);
    const numbers = model === undefined ? [] : numbersIn(valueOf(row, model));
    expect(numbers.some((n) => n === ms || n === ms / 1000)).toBe(true);
  });

  it.each([
    '285617y',
    '9007199254741s',
    '9007199254740992ms',
    '99999999999999999999',
    `${'9'.repeat(400)}d`,
    '285616y 12M',
    '1e3',
    '1.5s',
    '-1ms',
    'NaN',
    'Infinity',
  ])('refuses %s with its place', (time) => {
    const { model, problems } = read(row, time.includes(' ') ? `"${time}"` : time);
    expect(model).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^\d+:\d+ /);
  });
});

describe('units', () => {
  it('never give what is no whole number', () => {
    const digits = ['0', '1', '00000000000000000000000000001', '999999999999', '9007199254740991'];
    const many = [...digits, '9007199254740992', '9'.repeat(30), '9'.repeat(400)];
    for (const n of many) {
      for (const unit of ['', 'ms', 's', 'm', 'h', 'd', 'w', 'M', 'y'])
        expect([true, undefined]).toContain(whole(parseTime(n + unit)));
      for (const unit of ['', 'k', 'K', 'm', 'M', 'g', 'G'])
        expect([true, undefined]).toContain(whole(parseSize(n + unit)));
    }
    expect(parseTime('0000000000000000001s')).toBe(1000);
    expect(parseTime('9007199254740991ms')).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseSize('00000000000000000000001k')).toBe(1024);
    expect(parseSize('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
  });
});

const whole = (n: number | undefined): boolean | undefined =>
  n === undefined ? undefined : Number.isSafeInteger(n);
