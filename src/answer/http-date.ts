// Reads the three forms of an HTTP date (RFC 9110 §5.6.7) for conditional requests, as leniently as nginx does.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const NO_DATE = Number.NEGATIVE_INFINITY;

/** `Sun, 06 Nov 1994 08:49:37 GMT`; the zone is not looked at: it can only be GMT. */
const IMF_FIXDATE = /^[A-Za-z]+, *(\d{2}) ([A-Za-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2})/;
/** `Sunday, 06-Nov-94 08:49:37 GMT`. */
const RFC_850 = /^[A-Za-z]+, *(\d{2})-([A-Za-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2})/;
/** `Sun Nov  6 08:49:37 1994`. */
const ASCTIME = /^[A-Za-z]+ ([A-Za-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})/;

/** Seconds since the epoch, negative before 1970; when the text is no date, a time before that of any file. */
export function parseHttpDate(text: string): number {
  let m = IMF_FIXDATE.exec(text);
  if (m !== null) return toSeconds(m[1], m[2], Number(m[3]), m.slice(4));
  m = RFC_850.exec(text);
  if (m !== null) return toSeconds(m[1], m[2], Number(m[3]) + (Number(m[3]) < 70 ? 2000 : 1900), m.slice(4));
  m = ASCTIME.exec(text);
  return m === null ? NO_DATE : toSeconds(m[2], m[1], Number(m[6]), m.slice(3, 6));
}

function toSeconds(dayText: string, monthName: string, year: number, time: readonly string[]): number {
  const month = MONTHS.indexOf(monthName);
  const day = Number(dayText);
  const [hour, minute, second] = time.map(Number);
  if (month < 0 || day < 1 || hour > 23 || minute > 59 || second > 59) return NO_DATE;
  const date = new Date(0);
  // Date.UTC would take the year 60 for 1960.
  date.setUTCFullYear(year, month, day);
  date.setUTCHours(hour, minute, second);
  // The 30th of February would run over into March.
  return date.getUTCDate() === day ? date.getTime() / 1000 : NO_DATE;
}
