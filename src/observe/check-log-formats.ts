// Checks what single log rows cannot see: that formats are defined once and that every access_log names one that exists.
import type { Problems } from '../config/problem.ts';
import type { Directive, Word } from '../config/tree.ts';
import { LINES } from './rows.ts';

/**
 * Reports duplicate log_format names and unknown formats of access_log in a whole tree. Unlike in nginx a format may stand
 * after the access_log that uses it. Names are compared as nginx does: exactly between definitions, without case in use.
 */
export function checkLogFormats(directives: readonly Directive[], problems: Problems): void {
  const names = new Set<string>();
  const used: Word[] = [];
  walk(directives, (directive) => {
    const [first, second] = directive.args;
    if (directive.name === 'access_log' && second !== undefined && first.text !== 'off') used.push(second);
    if (directive.name !== 'log_format' || first === undefined) return;
    if (names.has(first.text))
      problems.error(first.at, `duplicate log_format name "${first.text}": rename one of them`);
    names.add(first.text);
  });
  const known = new Set(['combined', 'json', LINES, ...[...names].map((name) => name.toLowerCase())]);
  const written = ['combined', 'json', LINES, ...names];
  for (const word of used) {
    if (known.has(word.text.toLowerCase())) continue;
    const near = problems.nearest(word.text, written);
    const next = near === undefined ? 'define it with log_format' : `did you mean "${near}"?`;
    problems.error(word.at, `unknown log format "${word.text}": ${next}`);
  }
}

function walk(directives: readonly Directive[], visit: (directive: Directive) => void): void {
  for (const directive of directives) {
    visit(directive);
    if (directive.block !== undefined) walk(directive.block, visit);
  }
}
