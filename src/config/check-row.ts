// Whether a directive may stand where it stands, with what it carries: the first look at each.
import { ownWordFor } from './foreign-words.ts';
import type { Level } from './level.ts';
import { isNginxDirective, NOT_YET } from './nginx-names.ts';
import type { Problems } from './problem.ts';
import { namesIn, rowsNamed } from './registry.ts';
import type { Row } from './row.ts';
import type { Directive } from './tree.ts';

const WHAT_IS = 'see "Not there yet" in docs/DIFFERENCES.md';

/** Finds the row of a directive in its place and checks its arguments; undefined after a report. */
export function checkRow(directive: Directive, level: Level, problems: Problems): Row | undefined {
  const { name, at, args } = directive;
  const rows = rowsNamed(name);
  if (rows.length === 0) return reportUnknown(directive, level, problems);
  const row = rows.find((candidate) => candidate.contexts.includes(level.context));
  if (row === undefined) {
    const places = [...new Set(rows.flatMap((candidate) => candidate.contexts))].join(', ');
    return problems.error(at, `"${name}" is not allowed in ${level.context}; it goes in ${places}`);
  }
  const wantsBlock =
    row.kind === 'structure' ? row.opens !== undefined : row.kind === 'ignored' && row.block === true;
  if (wantsBlock !== (directive.block !== undefined)) {
    return problems.error(
      at,
      wantsBlock ? `"${name}" has no block: ${name} ${row.syntax}` : `"${name}" takes no block`,
    );
  }
  const [min, max] = row.args;
  if (args.length < min || args.length > max) {
    const count = min === max ? `${min}` : `${min} to ${max}`;
    return problems.error(
      at,
      `"${name}" takes ${count} argument${count === '1' ? '' : 's'}, not ${args.length}: ${name} ${row.syntax}`,
    );
  }
  return row;
}

function reportUnknown({ name, at }: Directive, { context }: Level, problems: Problems): undefined {
  const own = ownWordFor(name, context);
  if (own !== undefined) return problems.error(at, `unknown directive "${name}"; here it is "${own}"`);
  if (isNginxDirective(name))
    return problems.tally('error', at, `"${name}" ${NOT_YET}; remove it, or ${WHAT_IS}`);
  const near = problems.nearest(name, namesIn(context));
  if (near === undefined) return problems.tally('error', at, `unknown directive "${name}"`);
  return problems.error(at, `unknown directive "${name}"; did you mean "${near}"?`);
}
