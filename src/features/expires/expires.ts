// The response filter of `expires`: sets Expires and Cache-Control in the lines of an answer just before it is sent.
import type { Exchange, Handler } from '../../exchange.ts';
import { compileTemplate, type VariableLookup } from '../../route/template.ts';
import { httpDate } from '../../shared/clock.ts';
import { type ExpiresSetting, parseExpires } from './rows.ts';

/**
 * Errors and other answers keep their lines: a failure must not be remembered. (nginx lets them slip into a 416, which its range
 * filter makes of a 200 afterwards.)
 */
const STATUSES: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

type Value = Exclude<ExpiresSetting, { kind: 'template' }>;

/** The filter of a setting; null when it is off. `now` gives milliseconds since the epoch. */
export function createExpiresFilter(
  setting: ExpiresSetting,
  lookup: VariableLookup,
  now: () => number = Date.now,
): Handler | null {
  if (setting.kind === 'off') return null;
  const read = compileValue(setting, lookup);
  return (exchange) => {
    if (!STATUSES.has(exchange.status)) return;
    const value = read(exchange);
    // A variable that gives no valid time changes nothing, as `off` does.
    if (value === undefined || value.kind === 'off') return;
    const { expires, cacheControl } = fieldsOf(value, exchange.lines, Math.floor(now() / 1000));
    exchange.lines = setField(setField(exchange.lines, 'Expires', expires), 'Cache-Control', cacheControl);
  };
}

function compileValue(
  setting: ExpiresSetting,
  lookup: VariableLookup,
): (exchange: Exchange) => Value | undefined {
  if (setting.kind !== 'template') return () => setting;
  const text = compileTemplate(setting.text, lookup);
  return (exchange) => parseExpires(text(exchange), setting.modified);
}

interface ExpiresFields {
  readonly expires: string;
  readonly cacheControl: string;
}

/** The two values; times are whole seconds. */
function fieldsOf(value: Exclude<Value, { kind: 'off' }>, lines: string, now: number): ExpiresFields {
  switch (value.kind) {
    case 'epoch':
      return { expires: 'Thu, 01 Jan 1970 00:00:01 GMT', cacheControl: 'no-cache' };
    case 'max':
      return { expires: 'Thu, 31 Dec 2037 23:55:55 GMT', cacheControl: 'max-age=315360000' };
    case 'daily':
      return at(nextTimeOfDay(value.secondOfDay, now), now);
    case 'access':
    case 'modified': {
      const { kind, offsetSeconds } = value;
      const modified = kind === 'modified' && offsetSeconds !== 0 ? lastModifiedOf(lines) : -1;
      const fields = at((modified < 0 ? now : modified) + offsetSeconds, now);
      return offsetSeconds < 0 ? { ...fields, cacheControl: 'no-cache' } : fields;
    }
  }
}

function at(time: number, now: number): ExpiresFields {
  const maxAge = time - now;
  return { expires: httpDate(time * 1000), cacheControl: maxAge < 0 ? 'no-cache' : `max-age=${maxAge}` };
}

/** Seconds since the epoch at which the local clock shows this second of the day next, later than now. */
function nextTimeOfDay(secondOfDay: number, now: number): number {
  const today = new Date(now * 1000);
  const next = (days: number): number =>
    new Date(today.getFullYear(), today.getMonth(), today.getDate() + days, 0, 0, secondOfDay).getTime() /
    1000;
  const first = next(0);
  return first > now ? first : next(1);
}

const LAST_MODIFIED =
  /(?:^|\n)last-modified:[ \t]*([A-Za-z]{3}, \d{2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2} GMT)[ \t]*\r\n/i;

/** Seconds since the epoch, -1 without. Only the form that senders must use (RFC 9110 §5.6.7) is read. */
function lastModifiedOf(lines: string): number {
  const m = LAST_MODIFIED.exec(lines);
  const ms = m === null ? Number.NaN : Date.parse(m[1]);
  return Number.isNaN(ms) ? -1 : ms / 1000;
}

/** Gives a field one line with this value: in the place of its first line, or at the end; further lines of it go. */
function setField(lines: string, name: string, value: string): string {
  const lower = `${name.toLowerCase()}:`;
  const line = `${name}: ${value}\r\n`;
  if (!lines.toLowerCase().includes(lower)) return lines + line;
  let out = '';
  let done = false;
  for (let start = 0; start < lines.length; ) {
    const crlf = lines.indexOf('\r\n', start);
    const end = crlf < 0 ? lines.length : crlf + 2;
    if (lines.slice(start, start + lower.length).toLowerCase() !== lower) {
      out += lines.slice(start, end);
    } else if (!done) {
      out += line;
      done = true;
    }
    start = end;
  }
  return done ? out : out + line;
}
