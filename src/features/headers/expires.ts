// What `expires` does: sets Expires and Cache-Control among the lines of an answer.
import type { Exchange } from '../../exchange/exchange.ts';
import type { AnswerHead } from '../../http/answer-head.ts';
import { compileTemplate, type VariableLookup } from '../../route/template.ts';
import { httpDate } from '../../shared/clock.ts';
import { type ExpiresSetting, parseExpires } from './rows.ts';

type Value = Exclude<ExpiresSetting, { kind: 'template' }>;

/** Changes the head of an answer that may be kept. */
export type SetExpires = (x: Exchange, head: AnswerHead) => void;

/** What a setting does; null when it is off. `now` gives milliseconds since the epoch. */
export function createSetExpires(
  setting: ExpiresSetting,
  lookup: VariableLookup,
  now: () => number,
): SetExpires | null {
  if (setting.kind === 'off') return null;
  const read = compileValue(setting, lookup);
  const isTemplate = setting.kind === 'template';
  return (x, head) => {
    // A map of the answer's type is what most are: it sees the fields as the filters before have left them.
    if (isTemplate) x.lines = head.lines;
    const value = read(x);
    // A variable that gives no valid time changes nothing, as `off` does.
    if (value === undefined || value.kind === 'off') return;
    const { expires, cacheControl } = fieldsOf(value, head, Math.floor(now() / 1000));
    head.set('Expires', expires);
    head.set('Cache-Control', cacheControl);
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
function fieldsOf(value: Exclude<Value, { kind: 'off' }>, head: AnswerHead, now: number): ExpiresFields {
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
      const modified = kind === 'modified' && offsetSeconds !== 0 ? lastModifiedOf(head) : -1;
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

const LAST_MODIFIED = /^[A-Za-z]{3}, \d{2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Seconds since the epoch, -1 without. Only the form that senders must use (RFC 9110 §5.6.7) is read. */
function lastModifiedOf(head: AnswerHead): number {
  const value = head.get('last-modified');
  // A file that is an error page has its time, though it does not tell it.
  if (value === undefined) return head.seek?.streamed === false ? head.seek.mtime : -1;
  const ms = LAST_MODIFIED.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? -1 : ms / 1000;
}
