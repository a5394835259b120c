// A problem of a configuration, with its place; collected while reading and printed together.
import { excerptOf, shownText } from './excerpt.ts';
import { withoutBom } from './places.ts';
import type { Position } from './tree.ts';

export type Severity = 'error' | 'warning';

/** One finding: what, where, and the next step as the last part of the message. */
export interface Problem {
  readonly severity: Severity;
  readonly at: Position;
  readonly message: string;
  /** The same in nginx's own words, where it has some. */
  readonly plain?: string;
  /** Only because it is not supported yet. */
  readonly unsupported?: boolean;
  /** How often it was found, when it is told once for all places. */
  readonly times?: number;
}

/** Of either severity this many are kept, so that a file of nothing else does not fill the memory: more than are ever printed. */
const MAX_KEPT = 10_000;
/** Names that are compared for "did you mean" in one reading: in a large file that is wrong all over the first questions get answers. */
const MAX_COMPARED = 500_000;

/** Collects the problems of one reading; nothing throws on bad input. */
export class Problems {
  readonly list: Problem[] = [];
  /** Message → where in the list it is tallied. */
  readonly #tallied = new Map<string, number>();
  readonly #kept = { error: 0, warning: 0 };
  #compared = 0;

  add(problem: Problem): void {
    if (this.#kept[problem.severity] === MAX_KEPT) return;
    this.#kept[problem.severity]++;
    this.list.push(problem);
  }

  error(at: Position, message: string, plain?: string): undefined {
    this.add(
      plain === undefined ? { severity: 'error', at, message } : { severity: 'error', at, message, plain },
    );
    return undefined;
  }

  warn(at: Position, message: string, plain?: string): void {
    this.add({ severity: 'warning', at, message, ...(plain === undefined ? {} : { plain }) });
  }

  /** For what a file may hold a hundred times: told once for each message, with its number, at the first place in a file. */
  tally(severity: Severity, at: Position, message: string, plain?: string): undefined {
    const i = this.#tallied.get(message) ?? this.list.length;
    const before = this.list[i];
    if (before === undefined) {
      this.add({ severity, at, message, times: 1, ...(plain === undefined ? {} : { plain }) });
      if (i < this.list.length) this.#tallied.set(message, i);
    } else {
      const first = at.file === before.at.file && at.line < before.at.line ? at : before.at;
      this.list[i] = { ...before, at: first, times: (before.times ?? 0) + 1 };
    }
    return undefined;
  }

  /** What nginx knows and lbproxy does not yet: as `tally`. */
  unsupported(at: Position, message: string, plain: string): undefined {
    const i = this.#tallied.get(message) ?? this.list.length;
    this.tally('error', at, message, plain);
    if (i < this.list.length) this.list[i] = { ...this.list[i], unsupported: true };
    return undefined;
  }

  /** What is not supported yet refuses the configuration no more. */
  allowUnsupported(): void {
    for (const [i, problem] of this.list.entries())
      if (problem.unsupported === true) this.list[i] = { ...problem, severity: 'warning' };
  }

  /** The name nearest to a misspelt one, as `didYouMean`, while there is time for it. */
  nearest(name: string, known: ReadonlyMap<string, unknown> | readonly string[]): string | undefined {
    const isMap = 'size' in known;
    this.#compared += isMap ? known.size : known.length;
    return this.#compared > MAX_COMPARED ? undefined : didYouMean(name, isMap ? known.keys() : known);
  }

  get hasErrors(): boolean {
    return this.list.some((p) => p.severity === 'error');
  }
}

/** `file:line:column` as editors and terminals make it clickable. */
export function formatPosition(at: Position): string {
  return `${at.file}:${at.line}:${at.column}`;
}

/** Whoever mends a hundred of them tests again. */
export const MAX_PRINTED = 100;

/**
 * Prints problems in the order of their places, each as `file:line:column: message` followed by the line of the source and a
 * caret under the column. `sources` maps a file's name to its text; a file that is not in it is printed without its line. Of very
 * many the first ones are printed, errors rather than warnings, and the rest is counted.
 */
export function formatProblems(problems: readonly Problem[], sources: ReadonlyMap<string, string>): string {
  const out: string[] = [];
  const lines = new Map<string, readonly string[]>();
  const shown = worthPrinting(inOrder(problems));
  for (const p of shown) {
    const mark = p.severity === 'warning' ? 'warning: ' : '';
    const often = p.times === undefined || p.times === 1 ? '' : ` (${p.times} times, here first)`;
    out.push(`${shownText(formatPosition(p.at))}: ${mark}${shownText(p.message)}${often}`);
    const line = lineOf(p.at, sources, lines)?.replace(/\r$/, '');
    if (line !== undefined) out.push(...excerptOf(line, p.at.column).map((text) => `    ${text}`));
  }
  if (shown.length < problems.length) out.push(countOf(problems, shown));
  return out.join('\n');
}

/** Splits each file once. */
function lineOf(
  { file, line }: Position,
  sources: ReadonlyMap<string, string>,
  lines: Map<string, readonly string[]>,
): string | undefined {
  const known = lines.get(file) ?? withoutBom(sources.get(file) ?? '').split('\n');
  lines.set(file, known);
  return sources.has(file) ? known[line - 1] : undefined;
}

function worthPrinting(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= MAX_PRINTED) return problems;
  const errors = problems.filter(({ severity }) => severity === 'error').slice(0, MAX_PRINTED);
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  const chosen = new Set([...errors, ...warnings.slice(0, MAX_PRINTED - errors.length)]);
  return problems.filter((problem) => chosen.has(problem));
}

function countOf(problems: readonly Problem[], shown: readonly Problem[]): string {
  const errorsIn = (list: readonly Problem[]): number =>
    list.filter(({ severity }) => severity === 'error').length;
  const more = problems.length - shown.length;
  const errors = errorsIn(problems) - errorsIn(shown);
  return `… and ${more} more (${errors === 1 ? '1 error' : `${errors} errors`}): mend these and test again`;
}

/** By their places, the files as they come. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const files = new Map<string, number>();
  for (const { at } of problems) if (!files.has(at.file)) files.set(at.file, files.size);
  const rank = ({ at }: Problem): number => files.get(at.file) ?? 0;
  return [...problems].sort(
    (a, b) => rank(a) - rank(b) || a.at.line - b.at.line || a.at.column - b.at.column,
  );
}

/** Names are shorter than this; what is longer is no slip in one. */
const MAX_NAME = 64;

/** The name nearest to a misspelt one, or undefined when nothing is near. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  // One letter of two is no slip: any name would be near.
  if (name.length < 3 || name.length > MAX_NAME) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const d = editDistance(name, candidate, bestDistance);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** Two letters the wrong way round are one slip. From `enough` on it does not matter how many there are. */
function editDistance(a: string, b: string, enough: number): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], beforePrevious[j - 2] + 1);
    }
    // No row can be below both of the two before it.
    if (Math.min(...row) >= enough && Math.min(...previous) >= enough) return enough;
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length];
}
