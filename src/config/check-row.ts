// Whether a directive may stand where it stands, with what it carries: the first look at each.
import { adviceFor, ownWordFor } from './foreign-words.ts';
import type { Level } from './level.ts';
import { missingDirective } from './nginx-names.ts';
import type { Problems } from './problem.ts';
import { namesIn, rowsNamed } from './registry.ts';
import type { Row } from './row.ts';
import type { Directive } from './tree.ts';

/** Finds the row of a directive in its place and checks its arguments; undefined after a report. */
export function checkRow(directive: Directive, level: Level, problems: Problems): Row | undefined {
  const { name, at, args } = directive;
  const rows = rowsNamed(name);
  if (rows.length === 0) return reportUnknown(directive, level, problems);
  const nul = args.find(({ text }) => text.includes('\0'));
  // The system would cut paths there, and Node throws.
  if (nul !== undefined)
    return problems.error(nul.at, `a NUL character stands in an argument of "${name}"; remove it`);
  const row = rows.find((candidate) => candidate.contexts.includes(level.context));
  if (row === undefined) {
    const places = [...new Set(rows.flatMap((candidate) => candidate.contexts))].join(', ');
    const form = name === 'proxy_pass' ? `: location / { proxy_pass ${args[0]?.text ?? 'http://…'}; }` : '';
    return problems.error(
      at,
      `"${name}" is not allowed in ${level.context}; it goes in ${places}${form}`,
      `"${name}" directive is not allowed here`,
    );
  }
  const wantsBlock =
    row.kind === 'structure' ? row.opens !== undefined : row.kind === 'ignored' && row.block === true;
  if (wantsBlock !== (directive.block !== undefined)) {
    return problems.error(
      at,
      wantsBlock ? `"${name}" has no block: ${name} ${row.syntax}` : `"${name}" takes no block`,
      wantsBlock ? `directive "${name}" has no opening "{"` : `directive "${name}" is not terminated by ";"`,
    );
  }
  const [min, max] = row.args;
  if (args.length < min || args.length > max) {
    const count = min === max ? `${min}` : `${min} to ${max}`;
    return problems.error(
      at,
      `"${name}" takes ${count} argument${count === '1' ? '' : 's'}, not ${args.length}: ${name} ${row.syntax}${hintOf(directive, row)}`,
      `invalid number of arguments in "${name}" directive`,
    );
  }
  if (row.kind === 'setting' && args[0]?.text === '=' && args.length > 1) {
    const form = `${name} ${textsOf(args.slice(1))};`;
    problems.warn(args[0].at, `"=" is an argument here, not a sign; write ${form}`);
  }
  return row;
}

const textsOf = (args: Directive['args']): string => args.map(({ text }) => text).join(' ');

/** `root = /x;`, `return 200 hello world;` */
function hintOf({ name, args }: Directive, row: Row): string {
  if (args[0]?.text === '=') return `; there is no "=" in it: ${name} ${textsOf(args.slice(1))};`;
  if (args.length < 3 || row.args[1] !== 2 || !/^(?:return|set|proxy_set_header)$/.test(name)) return '';
  const form = `${name} ${args[0].text} "${textsOf(args.slice(1))}";`;
  return `; a text with blanks stands in quotes: ${form}`;
}

/** `listen: 80;`, `listen=80;` */
function withoutSign({ name, args }: Directive): string | undefined {
  const m = /^([a-z_]\w*)(?::|=)(.*)$/s.exec(name);
  if (m === null || rowsNamed(m[1]).length === 0) return undefined;
  return [m[1], m[2], textsOf(args)].filter((text) => text !== '').join(' ');
}

function reportUnknown(directive: Directive, { context }: Level, problems: Problems): undefined {
  const { name, at } = directive;
  const plain = `unknown directive "${name}"`;
  const signless = withoutSign(directive);
  if (signless !== undefined) return problems.error(at, `${plain}; write ${signless};`, plain);
  const advice = adviceFor(name, context);
  if (advice !== undefined) return problems.error(at, `${plain}; ${advice}`, plain);
  const own = ownWordFor(name, context);
  if (own !== undefined) return problems.error(at, `${plain}; here it is "${own}"`, plain);
  const missing = missingDirective(name);
  if (missing !== undefined) {
    const { verdict, why, never } = missing;
    const all = never ? '' : ', or see "Not yet" in docs/DIRECTIVES.md';
    const inNginx = `"${name}" directive ${verdict}${never ? `: ${why}` : ''}`;
    return problems.unsupported(at, `"${name}" ${verdict}: ${why}; remove it${all}`, inNginx);
  }
  const near = problems.nearest(name, namesIn(context));
  if (near === undefined) return problems.tally('error', at, plain, plain);
  return problems.error(at, `${plain}; did you mean "${near}"?`, plain);
}
