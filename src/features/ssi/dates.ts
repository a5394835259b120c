// $date_local and $date_gmt: the time now, in the format that a page has set (strftime of the C library, in its C locale).
import type { Exchange } from '../../exchange/exchange.ts';
import type { VariableTable } from '../../route/template.ts';

const USUAL_FORMAT = '%A, %d-%b-%Y %H:%M:%S %Z';
/** nginx has room for so much. */
const MOST_CHARACTERS = 2048;

const formats = new WeakMap<Exchange, string>();

/** `config timefmt` in the page that is this exchange's answer. */
export function setTimeFormat(x: Exchange, format: string): void {
  formats.set(x, format);
}

const dateOf =
  (gmt: boolean) =>
  (x: Exchange): string | undefined =>
    strftime(formats.get(x) ?? USUAL_FORMAT, new Date(), gmt) || undefined;

export const ssiVariables: VariableTable = {
  plain: { date_local: dateOf(false), date_gmt: dateOf(true) },
  families: {},
};

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June'].concat([
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]);

/** The parts of a broken-down time. */
interface Time {
  readonly epochSeconds: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** From 0. */
  readonly dayOfYear: number;
  readonly offsetMinutes: number;
  readonly zone: string;
}

/** Bytes as latin1; '' where the text would be too long. */
export function strftime(format: string, date: Date, gmt: boolean): string {
  const time = partsOf(date, gmt);
  const text = expand(format, time);
  return text.length < MOST_CHARACTERS ? text : '';
}

function expand(format: string, time: Time): string {
  if (format === '%s') return String(time.epochSeconds);
  return format.replace(/%([_\-0^#]?)([EO]?)([A-Za-z%+])/g, (all, flag: string, _mod: string, c: string) => {
    const make = CONVERSIONS[c];
    return make === undefined ? all : flagged(make(time), flag, c);
  });
}

/** GNU flags: no padding, blanks, zeros, capitals. */
function flagged(value: string, flag: string, c: string): string {
  switch (flag) {
    case '-':
      return value.replace(/^[0 ]+(?=.)/, '');
    case '_':
      return value.replace(/^0+(?=.)/, (zeros) => ' '.repeat(zeros.length));
    case '0':
      return value.replace(/^ +/, (blanks) => '0'.repeat(blanks.length));
    case '^':
      return value.toUpperCase();
    case '#':
      return c === 'Z' || c === 'p' ? value.toLowerCase() : value.toUpperCase();
    default:
      return value;
  }
}

const two = (n: number): string => String(n).padStart(2, '0');
const blank = (n: number): string => String(n).padStart(2, ' ');
const twelve = (hour: number): number => hour % 12 || 12;

const CONVERSIONS: Readonly<Record<string, (t: Time) => string>> = {
  a: (t) => DAYS[t.weekday].slice(0, 3),
  A: (t) => DAYS[t.weekday],
  b: (t) => MONTHS[t.month].slice(0, 3),
  B: (t) => MONTHS[t.month],
  c: (t) => expand('%a %b %e %H:%M:%S %Y', t),
  C: (t) => two(Math.floor(t.year / 100)),
  d: (t) => two(t.day),
  D: (t) => expand('%m/%d/%y', t),
  e: (t) => blank(t.day),
  F: (t) => expand('%Y-%m-%d', t),
  g: (t) => two(isoWeek(t).year % 100),
  G: (t) => String(isoWeek(t).year),
  h: (t) => MONTHS[t.month].slice(0, 3),
  H: (t) => two(t.hour),
  I: (t) => two(twelve(t.hour)),
  j: (t) => String(t.dayOfYear + 1).padStart(3, '0'),
  k: (t) => blank(t.hour),
  l: (t) => blank(twelve(t.hour)),
  m: (t) => two(t.month + 1),
  M: (t) => two(t.minute),
  n: () => '\n',
  p: (t) => (t.hour < 12 ? 'AM' : 'PM'),
  P: (t) => (t.hour < 12 ? 'am' : 'pm'),
  r: (t) => expand('%I:%M:%S %p', t),
  R: (t) => expand('%H:%M', t),
  s: (t) => String(t.epochSeconds),
  S: (t) => two(t.second),
  t: () => '\t',
  T: (t) => expand('%H:%M:%S', t),
  u: (t) => String(t.weekday || 7),
  U: (t) => two(Math.floor((t.dayOfYear + 7 - t.weekday) / 7)),
  V: (t) => two(isoWeek(t).week),
  w: (t) => String(t.weekday),
  W: (t) => two(Math.floor((t.dayOfYear + 7 - ((t.weekday + 6) % 7)) / 7)),
  x: (t) => expand('%m/%d/%y', t),
  X: (t) => expand('%H:%M:%S', t),
  y: (t) => two(t.year % 100),
  Y: (t) => String(t.year),
  z: (t) => {
    const minutes = Math.abs(t.offsetMinutes);
    return `${t.offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
  },
  Z: (t) => t.zone,
  '%': () => '%',
};

/** Weeks begin on Monday and belong to the year of their Thursday (ISO 8601). */
function isoWeek({ year, month, day, weekday }: Time): { year: number; week: number } {
  const thursday = new Date(Date.UTC(year, month, day + 4 - (weekday || 7)));
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return {
    year: thursday.getUTCFullYear(),
    week: 1 + Math.floor((thursday.getTime() - first) / 604_800_000),
  };
}

function partsOf(date: Date, gmt: boolean): Time {
  // A date whose universal parts are the local ones.
  const offsetMinutes = gmt ? 0 : -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offsetMinutes * 60_000);
  const year = local.getUTCFullYear();
  return {
    epochSeconds: Math.floor(date.getTime() / 1000),
    year,
    month: local.getUTCMonth(),
    day: local.getUTCDate(),
    weekday: local.getUTCDay(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    dayOfYear: Math.floor((local.getTime() - Date.UTC(year, 0, 1)) / 86_400_000),
    offsetMinutes,
    zone: gmt ? 'GMT' : zoneName(date),
  };
}

/** Each of them knows the short names of zones where it is spoken. */
const LOCALES = ['en-US', 'en-GB', 'en-AU', 'en-NZ', 'en-IN', 'en-ZA'];

function zoneName(date: Date): string {
  let name = '';
  for (const locale of LOCALES) {
    const parts = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' }).formatToParts(date);
    name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
    if (!/^GMT[+-]/.test(name)) return name;
  }
  return name.slice('GMT'.length);
}
