// The histogram of a duration: the same buckets everywhere, so that those of all processes add up. Each ends at most 20 % above where it
// begins, so what is said of a quantile is off by less than 10 %.

/** Upper bounds within a decade, 1, 2.5, 5 and 10 among them, as those who draw pictures expect. */
const STEPS = [1.2, 1.4, 1.6, 1.9, 2.2, 2.5, 3, 3.5, 4.2, 5, 6, 7, 8.4, 10];
/** The first decade begins at 0.1 ms, the last ends at 1000 s. */
const DECADES = [-1, 0, 1, 2, 3, 4, 5];

/** Milliseconds; a bucket has what is at most its bound. One more has all that is longer. */
export const BOUNDS_MS: readonly number[] = [
  0.1,
  ...DECADES.flatMap((decade) =>
    STEPS.map((step) => Number(`${decade < 0 ? step / 10 : step * 10 ** decade}`)).map(rounded),
  ),
];

export const BUCKETS: number = BOUNDS_MS.length + 1;

const bounds = Float64Array.from(BOUNDS_MS);

/** The bucket of a duration. */
export function bucketOf(ms: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle] < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Counts by bucket that are not zero, as pairs in a row: bucket, count, bucket, count … */
export type SparseCounts = readonly number[];

/**
 * The duration below which this part (0 … 1) of all lies, in ms: the middle of its bucket, as quotients go. Null where nothing was
 * counted.
 */
export function quantile(counts: SparseCounts, part: number): number | null {
  let total = 0;
  for (let i = 1; i < counts.length; i += 2) total += counts[i];
  if (total <= 0) return null;
  const rank = Math.max(1, Math.ceil(total * part));
  let seen = 0;
  for (let i = 0; i < counts.length; i += 2) {
    seen += counts[i + 1];
    if (seen >= rank) return middleOf(counts[i]);
  }
  return middleOf(BUCKETS - 1);
}

function middleOf(bucket: number): number {
  if (bucket <= 0) return BOUNDS_MS[0] / 2;
  const last = BOUNDS_MS.length - 1;
  return bucket > last ? BOUNDS_MS[last] : rounded(Math.sqrt(BOUNDS_MS[bucket - 1] * BOUNDS_MS[bucket]));
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
