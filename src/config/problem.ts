// A problem of a configuration, with its place; collected while reading and printed together.
import type { Position } from './tree.ts';

export type Severity = 'error' | 'warning';

/** One finding: what, where, and the next step as the last part of the message. */
export interface Problem {
  readonly severity: Severity;
  readonly at: Position;
  readonly message: string;
  /** How often it was found, when it is told once for all places. */
  readonly times?: number;
}

/** Collects the problems of one reading; nothing throws on bad input. */
export class Problems {
  readonly list: Problem[] = [];

  error(at: Position, message: string): undefined {
    this.list.push({ severity: 'error', at, message });
    return undefined;
  }

  warn(at: Position, message: string): void {
    this.list.push({ severity: 'warning', at, message });
  }

  /** For what a file may hold a hundred times: told once for each message, with its number, at the first place in a file. */
  tally(severity: Severity, at: Position, message: string): undefined {
    const i = this.list.findIndex((p) => p.times !== undefined && p.message === message);
    const before = this.list[i];
    if (before === undefined) this.list.push({ severity, at, message, times: 1 });
    else {
      const first = at.file === before.at.file && at.line < before.at.line ? at : before.at;
      this.list[i] = { ...before, at: first, times: (before.times ?? 0) + 1 };
    }
    return undefined;
  }

  get hasErrors(): boolean {
    return this.list.some((p) => p.severity === 'error');
  }
}

/** `file:line:column` as editors and terminals make it clickable. */
export function formatPosition(at: Position): string {
  return `${at.file}:${at.line}:${at.column}`;
}

/**
 * Prints problems in the order of their places, each as `file:line:column: message` followed by the line of the source and a
 * caret under the column. `sources` maps a file's name to its text; a file that is not in it is printed without its line.
 */
export function formatProblems(problems: readonly Problem[], sources: ReadonlyMap<string, string>): string {
  const out: string[] = [];
  for (const p of inOrder(problems)) {
    const mark = p.severity === 'warning' ? 'warning: ' : '';
    const often = p.times === undefined || p.times === 1 ? '' : ` (${p.times} times, here first)`;
    out.push(`${formatPosition(p.at)}: ${mark}${p.message}${often}`);
    const line = sources.get(p.at.file)?.split('\n')[p.at.line - 1];
    if (line !== undefined) {
      const text = line.replace(/\r$/, '');
      const pad = [...text.slice(0, p.at.column - 1)].map((c) => (c === '\t' ? '\t' : ' ')).join('');
      out.push(`    ${text}`, `    ${pad}^`);
    }
  }
  return out.join('\n');
}

function inOrder(problems: readonly Problem[]): Problem[] {
  const files = [...new Set(problems.map((p) => p.at.file))];
  return [...problems].sort(
    (a, b) =>
      files.indexOf(a.at.file) - files.indexOf(b.at.file) ||
      a.at.line - b.at.line ||
      a.at.column - b.at.column,
  );
}

/** The name nearest to a misspelt one, or undefined when nothing is near. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  // One letter of two is no slip: any name would be near.
  if (name.length < 3) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const d = editDistance(name, candidate);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** Two letters the wrong way round are one slip. */
function editDistance(a: string, b: string): number {
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
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length];
}
