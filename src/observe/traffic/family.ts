// One metric with all its samples, as text.

/** Labels as pairs of name and value, and a number. */
export interface Sample {
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
  /** Behind the name: of the parts of a histogram. */
  readonly end?: '_bucket' | '_sum' | '_count';
}

export interface Family {
  /** With `_total` where it is a counter. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
}

/** Appends its lines; none where it has no samples. */
export function writeFamily(
  { name, type, help }: Family,
  samples: readonly Sample[],
  openMetrics: boolean,
  lines: string[],
): void {
  if (samples.length === 0) return;
  // To OpenMetrics `_total` is an end of the sample's name.
  const family = openMetrics && type === 'counter' ? name.replace(/_total$/, '') : name;
  lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`);
  for (const { labels, value, end = '' } of samples) {
    const shown = labels.map(([label, text]) => `${label}="${escapeLabel(text)}"`).join(',');
    lines.push(`${name}${end}${shown === '' ? '' : `{${shown}}`} ${numberText(value)}`);
  }
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return String(value);
}

const SPECIAL = /[\\"\n]/;

function escapeLabel(text: string): string {
  if (!SPECIAL.test(text)) return text;
  return text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}
