// Why a configuration is not served: all reasons, each with its place.
import { CompileError } from '../compile/compile-error.ts';
import type { PrepareProblem } from './messages.ts';

export class Refusal extends Error {
  readonly problems: readonly PrepareProblem[];

  constructor(problems: readonly PrepareProblem[]) {
    super(problems.map(problemText).join('\n'));
    this.problems = problems;
  }
}

/** `file:line:column: message`, or the message alone. */
export function problemText({ at, message }: PrepareProblem): string {
  return at === '' ? message : `${at}: ${message}`;
}

/** The reasons in whatever was thrown. */
export function problemsOf(error: unknown): readonly PrepareProblem[] {
  if (error instanceof Refusal) return error.problems;
  const message = error instanceof Error ? error.message : String(error);
  return [{ at: error instanceof CompileError ? error.at : '', message }];
}

/** One line: the first reason, and how many more there are. */
export function firstOf(problems: readonly PrepareProblem[]): string {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return `${problemText(problems[0])}${more}`;
}
