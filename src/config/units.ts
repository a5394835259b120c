// nginx's units, and the readers of single arguments that rows are made of. Pure.

/** A sum of products of whole numbers, where it is one itself: beyond, a number no longer holds each (nginx's end at 2^63). */
function exact(n: number): number | undefined {
  return n <= Number.MAX_SAFE_INTEGER ? n : undefined;
}

/** A size as nginx writes it (`8k`, `1m`, `1g`, plain bytes), in bytes; undefined when it is none. */
export function parseSize(text: string): number | undefined {
  const m = /^(\d+)([kKmMgG]?)$/.exec(text);
  if (m === null) return undefined;
  const unit = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[m[2].toLowerCase()] ?? 1;
  const bytes = Number(m[1]) * unit;
  return exact(bytes);
}

const TIME_UNITS: readonly (readonly [string, number])[] = [
  ['y', 365 * 24 * 3600_000],
  ['M', 30 * 24 * 3600_000],
  ['w', 7 * 24 * 3600_000],
  ['d', 24 * 3600_000],
  ['h', 3600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** A time as nginx writes it (`60`, `60s`, `1h 30m`, `500ms`), in milliseconds; undefined when it is none. */
export function parseTime(text: string): number | undefined {
  let rest = text;
  let total = 0;
  let lastUnit = -1;
  while (rest !== '') {
    const m = /^(\d+)(ms|[yMwdhms])? */.exec(rest);
    if (m === null) return undefined;
    const unit = TIME_UNITS.findIndex(([name]) => name === (m[2] ?? 's'));
    // Units go from the larger to the smaller, each once; a bare number can only close the text.
    if (unit <= lastUnit || (m[2] === undefined && m[0].length !== rest.length)) return undefined;
    total += Number(m[1]) * TIME_UNITS[unit][1];
    lastUnit = unit;
    rest = rest.slice(m[0].length);
  }
  return text === '' ? undefined : exact(total);
}

/** What a size in another notation is here (`10MB`, `1.5g`); undefined where that cannot be told. */
export function sizeMeant(text: string): string | undefined {
  const m = /^(\d+(?:\.\d+)?) *([kmg]?)i?b?$/i.exec(text);
  if (m === null) return undefined;
  const units = ['', 'k', 'm', 'g'];
  const unit = units.indexOf(m[2].toLowerCase());
  if (!m[1].includes('.')) return `${m[1]}${units[unit]}`;
  return unit === 0 ? undefined : `${Math.round(Number(m[1]) * 1024)}${units[unit - 1]}`;
}

const TIME_WORDS: readonly (readonly [RegExp, string, number])[] = [
  [/^(?:ms|msecs?|milliseconds?)$/i, 'ms', 1],
  [/^(?:s|secs?|seconds?)$/i, 's', 1000],
  [/^(?:m|mins?|minutes?)$/i, 'm', 60_000],
  [/^(?:h|hrs?|hours?)$/i, 'h', 3600_000],
  [/^(?:d|days?)$/i, 'd', 24 * 3600_000],
];

/** What a time in another notation is here (`5min`, `1.5s`); undefined where that cannot be told. */
export function timeMeant(text: string): string | undefined {
  const m = /^(\d+(?:\.\d+)?) *([a-z]*)$/i.exec(text);
  const word = TIME_WORDS.find(([pattern]) => pattern.test(m?.[2] || 's'));
  if (m === null || word === undefined) return undefined;
  return m[1].includes('.') ? `${Math.round(Number(m[1]) * word[2])}ms` : `${m[1]}${word[1]}`;
}

/** `true` and its like. */
export function flagMeant(text: string): string | undefined {
  if (/^(?:true|yes|1|enabled?)$/i.test(text)) return 'on';
  return /^(?:false|no|0|disabled?|none)$/i.test(text) ? 'off' : undefined;
}

/** `on` / `off`. */
export function parseFlag(text: string): boolean | undefined {
  const t = text.toLowerCase();
  return t === 'on' ? true : t === 'off' ? false : undefined;
}

/** A whole number without sign, within bounds. */
export function parseCount(text: string, min = 0, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const n = Number(text);
  return n >= min && n <= max ? n : undefined;
}
