// A strict reader of what /metrics answers: Prometheus' text format 0.0.4 and OpenMetrics 1.0. Throws at the first line that breaks a rule.

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ReadSample[];
}

interface Open {
  name: string;
  type: string;
  help: string;
  samples: ReadSample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*';
const QUOTED = String.raw`"(?:[^"\\\n]|\\["\\n])*"`;
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}=${QUOTED}(?:,${LABEL}=${QUOTED})*)\\})? (\\S+)$`);
const NUMBER = /^(?:\+Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

export function readExposition(text: string, openMetrics: boolean): ReadFamily[] {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  const lines = text.slice(0, -1).split('\n');
  if (openMetrics && lines.pop() !== '# EOF') throw new Error('OpenMetrics ends with # EOF');
  const families: Open[] = [];
  const seen = new Set<string>();
  for (const line of lines) {
    const meta = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (meta === null) {
      readSample(line, families.at(-1), { seen, openMetrics });
      continue;
    }
    const [, what, name, rest] = meta;
    if (what === 'HELP') {
      if (families.some((one) => one.name === name)) throw new Error(`${name} stands in two places`);
      families.push({ name, type: '', help: rest, samples: [] });
    } else {
      const family = families.at(-1);
      if (family?.name !== name || family.type !== '' || family.samples.length > 0)
        throw new Error(`"${line}" does not follow its HELP`);
      family.type = rest;
    }
  }
  for (const family of families) checkFamily(family, openMetrics);
  return families;
}

function readSample(
  line: string,
  family: Open | undefined,
  { seen, openMetrics }: { readonly seen: Set<string>; readonly openMetrics: boolean },
): void {
  const [, name, labelText = '', number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || !NUMBER.test(number)) throw new Error(`"${line}" is no sample`);
  if (family === undefined || family.type === '') throw new Error(`"${line}" has no TYPE`);
  const ends =
    family.type === 'histogram'
      ? ['_bucket', '_sum', '_count']
      : family.type === 'counter' && openMetrics
        ? ['_total']
        : [''];
  if (!ends.some((end) => name === family.name + end)) throw new Error(`"${line}" stands in ${family.name}`);
  const labels: Record<string, string> = {};
  for (const [, label, quoted] of labelText.matchAll(new RegExp(`(${LABEL})=(${QUOTED})`, 'g'))) {
    if (label in labels) throw new Error(`"${line}" has ${label} twice`);
    labels[label] = quoted.slice(1, -1).replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  }
  const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
  if (seen.has(key)) throw new Error(`"${line}" is there twice`);
  seen.add(key);
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  family.samples.push({ name, labels, value });
}

function checkFamily({ name, type, samples }: Open, openMetrics: boolean): void {
  if (!['counter', 'gauge', 'histogram'].includes(type)) throw new Error(`${name} has no type`);
  if (samples.length === 0) throw new Error(`${name} has no samples`);
  if (!openMetrics && (type === 'counter') !== name.endsWith('_total'))
    throw new Error(`${name}: counters end in _total, others do not`);
  if (openMetrics && name.endsWith('_total')) throw new Error(`${name}: no family ends in _total`);
  if (type === 'counter' && samples.some(({ value }) => value < 0)) throw new Error(`${name} is below zero`);
  if (type === 'histogram') checkHistograms(name, samples);
}

function checkHistograms(name: string, samples: readonly ReadSample[]): void {
  const series = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, all] of series) {
    const buckets = all.filter((one) => one.name === `${name}_bucket`);
    const les = buckets.map((one) => (one.labels.le === '+Inf' ? Infinity : Number(one.labels.le)));
    const rises = (numbers: readonly number[], atLeast: number): boolean =>
      numbers.every((n, i) => i === 0 || n - numbers[i - 1] >= atLeast);
    const count = all.find((one) => one.name === `${name}_count`)?.value;
    const sum = all.find((one) => one.name === `${name}_sum`)?.value;
    const isRight =
      les.at(-1) === Infinity &&
      rises(les, Number.MIN_VALUE) &&
      rises(
        buckets.map(({ value }) => value),
        0,
      ) &&
      buckets.at(-1)?.value === count &&
      sum !== undefined;
    if (!isRight) throw new Error(`${name}${labels} is no histogram`);
  }
}

/** Samples that are less in `after` than they were, or gone, of what may only grow. */
export function fallen(before: readonly ReadFamily[], after: readonly ReadFamily[]): string[] {
  const key = ({ name, labels }: ReadSample): string =>
    `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
  const grows = (families: readonly ReadFamily[]): readonly ReadSample[] =>
    families.filter(({ type }) => type !== 'gauge').flatMap(({ samples }) => samples);
  const values = new Map(grows(after).map((sample) => [key(sample), sample.value]));
  return grows(before).flatMap((sample) => {
    const now = values.get(key(sample));
    // An acceptor's own numbers go with it.
    if (now === undefined && 'acceptor' in sample.labels) return [];
    return now === undefined || now < sample.value ? [`${key(sample)}: ${sample.value} → ${now}`] : [];
  });
}
