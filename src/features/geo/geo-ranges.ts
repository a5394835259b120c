// Ranges of a `geo` with `ranges`, of IPv4 alone. nginx keeps them in pieces of 65,536 addresses and looks at each piece for itself, so
// that it is a piece of a range that may lie in another, take its place or overlap (ngx_http_geo_add_range). So do we.
import type { Problems } from '../../config/problem.ts';
import type { Word } from '../../config/tree.ts';
import { readIpv4 } from '../../shared/ip-address.ts';
import { layOut } from './address-parts.ts';
import type { GeoValues } from './geo-values.ts';
import type { AddressParts } from './rows.ts';

/** Of one piece: the low halves of the first and the last address. Ranges of a piece are in order, and apart. */
interface Range {
  start: number;
  end: number;
  value: number;
}

type Placed = 'placed' | 'duplicate' | { readonly overlaps: Range };

export class GeoRanges {
  readonly #problems: Problems;
  readonly #values: GeoValues;
  readonly #pieces = new Map<number, Range[]>();
  #rest = -1;

  constructor(problems: Problems, values: GeoValues) {
    this.#problems = problems;
    this.#values = values;
  }

  setDefault(value: number, { at }: Word): void {
    const { list } = this.#values;
    if (this.#rest >= 0) {
      const what = `"${list[value]}", old value: "${list[this.#rest]}"`;
      this.#problems.warn(at, `duplicate default geo range value: ${what}`);
    }
    this.#rest = value;
  }

  add(word: Word, value: number): void {
    let duplicate = false;
    for (const [piece, start, end] of this.#piecesOf(word)) {
      const ranges = this.#pieces.get(piece) ?? [];
      this.#pieces.set(piece, ranges);
      const placed = place(ranges, { start, end, value });
      duplicate ||= placed === 'duplicate';
      if (typeof placed === 'string') continue;
      const { overlaps } = placed;
      const other = `${textOf(piece, overlaps.start)}-${textOf(piece, overlaps.end)}`;
      const advice = 'a range lies in another one or apart from it';
      this.#problems.error(word.at, `range "${word.text}" overlaps "${other}": ${advice}`);
      return;
    }
    if (duplicate)
      this.#problems.warn(word.at, `duplicate range "${word.text}": the value before has no effect`);
  }

  remove(word: Word): void {
    let missing = false;
    for (const [piece, start, end] of this.#piecesOf(word)) {
      const ranges = this.#pieces.get(piece) ?? [];
      const i = lastUpTo(ranges, end);
      if (i >= 0 && ranges[i].start === start && ranges[i].end === end) ranges.splice(i, 1);
      else missing = true;
    }
    if (missing) this.#problems.warn(word.at, `no address range "${word.text}" to delete`);
  }

  parts(): AddressParts {
    const ranges = [...this.#pieces].flatMap(([piece, inside]) =>
      inside.map(({ start, end, value }) => ({
        first: BigInt(piece * 0x1_0000 + start),
        last: BigInt(piece * 0x1_0000 + end),
        value,
      })),
    );
    return layOut(ranges, Math.max(0, this.#rest), 4);
  }

  *#piecesOf({ text, at }: Word): Generator<readonly [piece: number, start: number, end: number]> {
    const dash = text.indexOf('-');
    const first = dash < 0 ? -1 : readIpv4(text, 0, dash);
    const last = readIpv4(text, dash + 1, text.length);
    if (first < 0 || last < first) {
      const why =
        first >= 0 && last >= 0 ? 'its first address comes behind its last' : 'write 10.0.0.1-10.0.0.9';
      this.#problems.error(at, `invalid range "${text}"; ${why}`);
      return;
    }
    for (let piece = first >>> 16; piece <= last >>> 16; piece++) {
      yield [
        piece,
        piece === first >>> 16 ? first & 0xffff : 0,
        piece === last >>> 16 ? last & 0xffff : 0xffff,
      ];
    }
  }
}

/** The last range that begins at `end` or before it, -1 without. */
function lastUpTo(ranges: readonly Range[], end: number): number {
  let [low, high] = [-1, ranges.length];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (ranges[middle].start <= end) low = middle;
    else high = middle;
  }
  return low;
}

function place(ranges: Range[], range: Range): Placed {
  const { start, end, value } = range;
  const i = lastUpTo(ranges, end);
  const around = ranges[i];
  if (around === undefined || start > around.end) {
    ranges.splice(i + 1, 0, range);
    return 'placed';
  }
  if (start < around.start || end > around.end) return { overlaps: around };
  if (start === around.start && end === around.end) {
    around.value = value;
    return 'duplicate';
  }
  // It takes its part out of the range around, of which up to two pieces stay.
  const before = start > around.start ? [{ ...around, end: start - 1 }] : [];
  const behind = end < around.end ? [{ ...around, start: end + 1 }] : [];
  ranges.splice(i, 1, ...before, range, ...behind);
  return 'placed';
}

function textOf(piece: number, low: number): string {
  return [piece >>> 8, piece & 0xff, low >>> 8, low & 0xff].join('.');
}
