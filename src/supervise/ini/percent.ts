// Python's `text % names`, which Supervisor expands every value with: %(name)s, %(process_num)02d, %%.

export type PercentNames = Pick<ReadonlyMap<string, string | number>, 'get'>;

export type PercentResult =
  | { readonly text: string }
  | {
      readonly problem: string;
      /** The name that is not there. */
      readonly missing?: string;
      /** A bare `%s`: Supervisor takes it and puts all names and values there, the whole environment. */
      readonly dumps?: boolean;
    };

/** Wider than any number or path in a configuration; Python would fill the memory. */
const MAX_WIDTH = 10_000;

/** What stands behind `%`: name, flags, width, precision, one length letter that means nothing, conversion. */
const REST = /([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]?([\s\S]?)/uy;

interface Conversion {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly type: string;
}

/** Expands a text. Everything that Python raises is a problem, in plain words. */
export function percentFormat(text: string, names: PercentNames): PercentResult {
  let out = '';
  /** What a conversion without a name takes: at first the mapping itself, then what the last name left over. */
  let pending: string | number | 'all' | undefined = 'all';
  let i = 0;
  while (i < text.length) {
    const percent = text.indexOf('%', i);
    if (percent === -1) break;
    out += text.slice(i, percent);
    i = percent + 1;
    if (text[i] === '%') {
      out += '%';
      i++;
      continue;
    }
    if (text[i] === '(') {
      const end = closingOf(text, i);
      if (end === -1) return { problem: `the "(" in "${shortOf(text, percent)}" is not closed` };
      const name = text.slice(i + 1, end);
      const value = names.get(name);
      if (value === undefined) return { problem: `%(${name}) is not known`, missing: name };
      pending = value;
      i = end + 1;
    }
    const conversion = conversionAt(text, i);
    if ('problem' in conversion) return conversion;
    i = conversion.next;
    if (pending === undefined || pending === 'all') {
      const dumps = pending === 'all' && 'sra'.includes(conversion.type);
      return { problem: singlePercent(text, percent), dumps };
    }
    const done = convert(pending, conversion);
    if (typeof done !== 'string') return { problem: `"${text.slice(percent, i)}": ${done.problem}` };
    out += done;
    pending = undefined;
  }
  return { text: out + text.slice(i) };
}

/** Brackets nest in a name. */
function closingOf(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return i;
  }
  return -1;
}

function conversionAt(
  text: string,
  start: number,
): (Conversion & { readonly next: number }) | { readonly problem: string } {
  REST.lastIndex = start;
  const m = REST.exec(text);
  const percent = text.lastIndexOf('%', start - 1);
  if (m === null || m[4] === '') return { problem: singlePercent(text, percent) };
  const [all, flags, width, precision, type] = m;
  if (width === '*' || precision === '*' || !'diouxXeEfFgGcrsa'.includes(type))
    return { problem: singlePercent(text, percent) };
  const numbers = {
    width: Number(width),
    precision: precision === undefined ? undefined : Number(precision),
  };
  if (Math.max(numbers.width, numbers.precision ?? 0) > MAX_WIDTH)
    return { problem: `"${shortOf(text, percent)}" is too wide` };
  return { flags, ...numbers, type, next: start + all.length };
}

function singlePercent(text: string, at: number): string {
  return `"${shortOf(text, at)}": a single % begins a name such as %(here)s; write %% where % is meant`;
}

function shortOf(text: string, at: number): string {
  return text.slice(at, at + 20).split('\n')[0];
}

function convert(value: string | number, c: Conversion): string | { readonly problem: string } {
  if ('sra'.includes(c.type)) {
    const plain = c.type === 's' || typeof value === 'number' ? String(value) : pythonRepr(value);
    return pad([...plain].slice(0, c.precision).join(''), c, ' ');
  }
  if (c.type === 'c') {
    const one = typeof value === 'number' ? characterOf(value) : [...value].length === 1 ? value : undefined;
    return one === undefined ? { problem: '%c takes one character' } : pad(one, c, ' ');
  }
  if (typeof value === 'string') return { problem: 'it is a text, no number: write s instead' };
  return convertNumber(value, c);
}

function characterOf(code: number): string | undefined {
  return code >= 0 && code < 0x110000 ? String.fromCodePoint(code) : undefined;
}

function convertNumber(value: number, c: Conversion): string {
  const digits = 'diuoxX'.includes(c.type) ? wholeDigits(Math.abs(value), c) : realDigits(Math.abs(value), c);
  const sign = value < 0 ? '-' : c.flags.includes('+') ? '+' : c.flags.includes(' ') ? ' ' : '';
  const prefix = c.flags.includes('#') && 'oxX'.includes(c.type) ? `0${c.type}` : '';
  const zeros = c.flags.includes('0') && !c.flags.includes('-');
  if (!zeros) return pad(sign + prefix + digits, c, ' ');
  return sign + prefix + digits.padStart(c.width - sign.length - prefix.length, '0');
}

function wholeDigits(value: number, c: Conversion): string {
  const base = c.type === 'o' ? 8 : c.type === 'x' || c.type === 'X' ? 16 : 10;
  const digits = BigInt(value)
    .toString(base)
    .padStart(c.precision ?? 0, '0');
  return c.type === 'X' ? digits.toUpperCase() : digits;
}

function realDigits(value: number, c: Conversion): string {
  const precision = Math.min(c.precision ?? 6, 100);
  const type = c.type.toLowerCase();
  if (type === 'f') return value.toFixed(precision);
  const exponential = (digits: number): string =>
    value.toExponential(digits).replace(/e([+-])(\d)$/, c.type < 'a' ? 'E$10$2' : 'e$10$2');
  if (type === 'e') return exponential(precision);
  const significant = Math.max(1, precision);
  const exponent = value === 0 ? 0 : Number(value.toExponential(significant - 1).split('e')[1]);
  const text =
    exponent < -4 || exponent >= significant
      ? exponential(significant - 1)
      : value.toFixed(Math.min(100, significant - 1 - exponent));
  return c.flags.includes('#')
    ? text
    : text.replace(/\.(\d*?)0+(?=$|e|E)/, (_, kept) => (kept === '' ? '' : `.${kept}`));
}

function pad(text: string, c: Conversion, fill: string): string {
  const missing = fill.repeat(Math.max(0, c.width - [...text].length));
  return c.flags.includes('-') ? text + missing : missing + text;
}

function pythonRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll('\r', '\\r')
    .replaceAll(quote, quote === "'" ? "\\'" : quote);
  return quote + inside + quote;
}
