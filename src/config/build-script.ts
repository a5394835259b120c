// Reads rewrite, return, set, break and if into the steps of a script, in the order in which they stand.
import { checkPattern } from './check-pattern.ts';
import type { Level } from './level.ts';
import type { ScriptOp, Settings, Test } from './model.ts';
import { formatPosition, type Problems } from './problem.ts';
import type { Directive, Position, Word } from './tree.ts';
import { parseCount } from './units.ts';

/** What the reader of scripts needs of the builder. */
export interface ScriptReader {
  readonly problems: Problems;
  template(word: Word): string;
  makeVariable(name: string, at: Position): void;
  setVariable(name: string, at: Position): void;
  ifBlock(directive: Directive, outer: Level): { script: readonly ScriptOp[]; settings: Settings | null };
}

const SCRIPT = new Set(['rewrite', 'return', 'set', 'break', 'if']);

export function isScriptDirective(directive: Directive): boolean {
  return SCRIPT.has(directive.name);
}

export function buildScript(
  directives: readonly Directive[],
  level: Level,
  reader: ScriptReader,
): ScriptOp[] {
  return directives.map((directive) => readOp(directive, level, reader)).filter((op) => op !== undefined);
}

function readOp(directive: Directive, level: Level, reader: ScriptReader): ScriptOp | undefined {
  switch (directive.name) {
    case 'rewrite':
      return readRewrite(directive, reader);
    case 'return':
      return readReturn(directive, reader);
    case 'set':
      return readSet(directive, reader);
    case 'if':
      return readIf(directive, level, reader);
    default:
      return { op: 'break', at: formatPosition(directive.at) };
  }
}

const FLAGS = ['last', 'break', 'redirect', 'permanent'] as const;

function readRewrite(directive: Directive, reader: ScriptReader): ScriptOp | undefined {
  const [pattern, replacement, flagWord] = directive.args;
  if (!checkPattern(pattern, pattern.text, false, reader)) return undefined;
  const flag = flagWord === undefined ? 'none' : FLAGS.find((f) => f === flagWord.text);
  if (flag === undefined) {
    return reader.problems.error(
      flagWord.at,
      `unknown flag "${flagWord.text}" of rewrite; there are ${FLAGS.join(', ')}`,
    );
  }
  return {
    op: 'rewrite',
    pattern: pattern.text,
    replacement: reader.template(replacement),
    flag,
    at: formatPosition(directive.at),
  };
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

function readReturn(directive: Directive, reader: ScriptReader): ScriptOp | undefined {
  const [first, second] = directive.args;
  const at = formatPosition(directive.at);
  const status = parseCount(first.text, 0, 999);
  if (status === undefined) {
    if (second === undefined && /^(?:https?:\/\/|\$scheme)/.test(first.text)) {
      return { op: 'return', status: 302, text: reader.template(first), at };
    }
    return reader.problems.error(
      first.at,
      `invalid return code "${first.text}"; write return 404; or return 302 URL;`,
    );
  }
  if (!isFinal(status, first, reader.problems)) return undefined;
  const text = second?.text ?? '';
  // As in nginx no text is none: `return 404 ""` is the page. A redirect always has its Location.
  if (text === '' && !REDIRECTS.includes(status)) return { op: 'return', status, text: null, at };
  return { op: 'return', status, text: second === undefined ? '' : reader.template(second), at };
}

/** nginx sends them all. Behind a status below 200 a client waits for the answer (RFC 9110 §15.2); one from 600 on is a 5xx to it (§15). */
function isFinal(status: number, { text, at }: Word, problems: Problems): boolean {
  if (status < 200) {
    const advice = 'a final status is from 200 to 599; write return 404; or return 200 "text";';
    problems.error(at, `"return ${text}" is no answer: ${advice}`);
  } else if (status > 599) {
    const what = `${text} is no status of HTTP: clients take it for a 500`;
    problems.warn(at, `${what}; write one from 200 to 599`);
  }
  return status >= 200;
}

function readSet(directive: Directive, reader: ScriptReader): ScriptOp | undefined {
  const [name, value] = directive.args;
  const m = /^\$([A-Za-z_]\w*)$/.exec(name.text);
  if (m === null)
    return reader.problems.error(name.at, `"${name.text}" is no variable; write set $name value;`);
  const variable = m[1].toLowerCase();
  reader.setVariable(variable, name.at);
  return { op: 'set', variable, value: reader.template(value), at: formatPosition(directive.at) };
}

function readIf(directive: Directive, level: Level, reader: ScriptReader): ScriptOp | undefined {
  const test = readTest(directive, reader);
  const { script, settings } = reader.ifBlock(directive, level);
  return test === undefined
    ? undefined
    : { op: 'if', test, script, settings, at: formatPosition(directive.at) };
}

/** `($variable)`, `($a = b)`, `($a != b)`, `($a ~ regex)` with !~ ~* !~*, `(-f path)` with ! and d e x. */
function readTest(directive: Directive, reader: ScriptReader): Test | undefined {
  const words = withoutParentheses(directive, reader);
  if (words === undefined) return undefined;
  const [first, operator, other] = words;
  const fileTest = /^(!?)-([fdex])$/.exec(first.text);
  if (fileTest !== null) {
    if (words.length !== 2) return reader.problems.error(first.at, `a condition is: (${first.text} path)`);
    const kinds = { f: 'file', d: 'directory', e: 'exists', x: 'executable' } as const;
    const test = kinds[fileTest[2] as keyof typeof kinds];
    return { test, value: reader.template(operator), negate: fileTest[1] === '!' };
  }
  if (!first.text.startsWith('$')) {
    return reader.problems.error(
      first.at,
      `invalid condition "${first.text}"; it begins with a $variable or -f, -d, -e, -x`,
    );
  }
  const value = reader.template(first);
  if (words.length === 1) return { test: 'set', value };
  const joint = words.find(({ text }) => /^(?:&&|\|\||and|or)$/i.test(text));
  if (words.length > 3 && joint !== undefined) {
    const advice = 'set a variable under the one, and test it in the other';
    return reader.problems.error(joint.at, `"${joint.text}" does not exist in a condition: ${advice}`);
  }
  if (words.length !== 3)
    return reader.problems.error(first.at, 'a condition is: ($variable operator value)');
  if (operator.text === '=' || operator.text === '!=') {
    return { test: 'equal', value, other: reader.template(other), negate: operator.text === '!=' };
  }
  if (!/^!?~\*?$/.test(operator.text)) {
    const advice = /^===?$/.test(operator.text) ? 'write =' : 'there are =, !=, ~, ~*, !~, !~*';
    return reader.problems.error(operator.at, `unknown operator "${operator.text}"; ${advice}`);
  }
  const caseless = operator.text.endsWith('*');
  if (!checkPattern(other, other.text, caseless, reader)) return undefined;
  return { test: 'match', value, pattern: other.text, caseless, negate: operator.text.startsWith('!') };
}

function withoutParentheses(directive: Directive, reader: ScriptReader): Word[] | undefined {
  const words = [...directive.args];
  const [first] = words;
  const last = words[words.length - 1];
  if (!first.text.startsWith('(') || !last.text.endsWith(')')) {
    return reader.problems.error(
      first.at,
      'the condition of "if" stands in parentheses: if ($variable) { … }',
    );
  }
  // Only the parentheses go, also where they stand alone: an empty word may be what is compared with.
  if (first.text === '(') words.shift();
  else words[0] = { text: first.text.slice(1), at: { ...first.at, column: first.at.column + 1 } };
  const tail = words.pop();
  if (tail !== undefined && tail.text !== ')') words.push({ text: tail.text.slice(0, -1), at: tail.at });
  if (words.length > 0 && words[0].text !== '') return words;
  return reader.problems.error(first.at, 'the condition of "if" is empty');
}
