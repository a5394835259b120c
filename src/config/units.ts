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
