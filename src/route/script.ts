// nginx's rewrite module: rewrite, return, set, break, if, compiled to one closure a step.

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import type { ScriptOp, Test } from '../config/model.ts';
import type { Exchange, LocationRuntime } from '../exchange/exchange.ts';
import { assignmentOf } from './assignment.ts';
import { matches, patternOf } from './pattern.ts';
import { compileTemplate, type VariableLookup } from './template.ts';
import { escapeArgs, standsInPath, unescapeRedirect } from './uri.ts';

/** What a script came to: go on with the location, look for a new one, or the answer is given. */
export type ScriptOutcome = 'go-on' | 'stop' | 'relocate' | 'answered';

export type Script = (exchange: Exchange) => ScriptOutcome;

/** Who looks on; gives what stands in the place of an instruction, and of the test of an `if`. */
export interface ScriptWatch {
  instruction(op: ScriptOp, run: Instruction, lookup: VariableLookup): Instruction;
  test(op: Extract<ScriptOp, { op: 'if' }>, test: Condition): Condition;
}

/** What scripts need of other rooms. */
export interface ScriptTools {
  readonly lookup: VariableLookup;
  /** A line for the error log. */
  report(exchange: Exchange, message: string): void;
  /** Answers with a redirect; `location` is as configured. */
  redirect(exchange: Exchange, status: number, location: string): void;
  /** Answers with a text; with '' an empty body. */
  text(exchange: Exchange, status: number, body: string): void;
  /** The implicit location of an `if` block. */
  implicit(op: Extract<ScriptOp, { op: 'if' }>): LocationRuntime | null;
  readonly watch?: ScriptWatch;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function compileScript(ops: readonly ScriptOp[], tools: ScriptTools): Script | null {
  const run = compileSteps(ops, tools);
  if (run === null) return null;
  return (exchange) => {
    exchange.escapesCaptures = true;
    const outcome = run(exchange);
    return outcome === 'relocate-now' ? 'relocate' : outcome;
  };
}

/** As ScriptOutcome; 'relocate' of a step lets the following steps run first, also those behind the `if` it stands in. */
type StepOutcome = ScriptOutcome | 'relocate-now';
export type Instruction = (exchange: Exchange) => StepOutcome;
export type Condition = (exchange: Exchange) => boolean;

function compileSteps(ops: readonly ScriptOp[], tools: ScriptTools): Instruction | null {
  if (ops.length === 0) return null;
  const { watch, lookup } = tools;
  const steps = ops.map((op) => {
    const step = compileOp(op, tools);
    return watch?.instruction(op, step, lookup) ?? step;
  });
  return (exchange) => {
    let changed = false;
    for (const step of steps) {
      const outcome = step(exchange);
      if (outcome === 'relocate') changed = true;
      else if (outcome !== 'go-on') {
        if (changed && outcome === 'stop') {
          exchange.locationHolds = false;
          exchange.isUriChanged = false;
        }
        return outcome;
      }
    }
    return changed ? 'relocate' : 'go-on';
  };
}

function compileOp(op: ScriptOp, tools: ScriptTools): Instruction {
  switch (op.op) {
    case 'rewrite':
      return compileRewrite(op, tools);
    case 'return':
      return compileReturn(op, tools);
    case 'set':
      return compileSet(op, tools);
    case 'break':
      return () => 'stop';
    case 'if':
      return compileIf(op, tools);
  }
}

function compileReturn(op: Extract<ScriptOp, { op: 'return' }>, tools: ScriptTools): Instruction {
  const { status } = op;
  if (op.text === null) {
    if (SILENT.has(status)) return closeSilently(status);
    return (x) => {
      if (status < 400) tools.text(x, status, '');
      else x.location.fail(x, status, '');
      return 'answered';
    };
  }
  const text = compileTemplate(op.text, tools.lookup);
  return (x) => {
    // `$status` in the text is already that of the answer.
    x.status = x.errorStatus === 0 ? status : x.errorStatus;
    if (REDIRECTS.has(status)) tools.redirect(x, status, text(x));
    else {
      // The text may tell it.
      x.status = status;
      tools.text(x, status, text(x));
    }
    return 'answered';
  };
}

/** These end the connection without an answer (ngx_http_finalize_request). */
const SILENT: ReadonlySet<number> = new Set([408, 444, 499]);

function closeSilently(status: number): Instruction {
  return (x) => {
    x.status = status;
    x.hangUp();
    return 'answered';
  };
}

/** A value of `set` or `if`: until a rewrite has matched, what comes decoded of the path is escaped again (nginx: e->quote). */
function compileValue(text: string, lookup: VariableLookup): (exchange: Exchange) => string {
  const value = compileTemplate(text, lookup);
  if (!/\$[1-9]/.test(text)) return value;
  return (x) => {
    const m = x.captures;
    if (m === null || !x.escapesCaptures || !needsEscape(x)) return value(x);
    const escaped = escapedCaptures(m);
    x.captures = escaped;
    const given = value(x);
    // A map may have captured something else meanwhile.
    if (x.captures === escaped) x.captures = m;
    return given;
  };
}

function compileSet(op: Extract<ScriptOp, { op: 'set' }>, tools: ScriptTools): Instruction {
  const value = compileValue(op.value, tools.lookup);
  const assign = assignmentOf(op.variable);
  return (x) => {
    const problem = assign(x, value(x));
    if (problem !== '') tools.report(x, problem);
    return 'go-on';
  };
}

function compileIf(op: Extract<ScriptOp, { op: 'if' }>, tools: ScriptTools): Instruction {
  const plain = compileTest(op.test, tools.lookup);
  const test = tools.watch?.test(op, plain) ?? plain;
  const inner = compileSteps(op.script, tools);
  const implicit = tools.implicit(op);
  return (x) => {
    if (!test(x)) return 'go-on';
    if (implicit !== null) x.location = implicit;
    return inner === null ? 'go-on' : inner(x);
  };
}

function compileTest(test: Test, lookup: VariableLookup): Condition {
  const value = compileValue(test.value, lookup);
  switch (test.test) {
    case 'set':
      return (x) => {
        const text = value(x);
        return text !== '' && text !== '0';
      };
    case 'equal': {
      const other = compileValue(test.other, lookup);
      return (x) => (value(x) === other(x)) !== test.negate;
    }
    case 'match': {
      const pattern = patternOf(test.pattern, test.caseless);
      return (x) => {
        const matched = matches(x, pattern, value(x));
        if (!matched) x.captures = null;
        return matched !== test.negate;
      };
    }
    default:
      return (x) => fileTest(test.test, value(x)) !== test.negate;
  }
}

function fileTest(kind: 'file' | 'directory' | 'exists' | 'executable', path: string): boolean {
  const bytes = Buffer.from(path, 'latin1');
  if (!existsSync(bytes)) return false;
  if (kind === 'exists') return true;
  if (kind !== 'executable') {
    const stat = statSync(bytes, { throwIfNoEntry: false });
    return stat !== undefined && (kind === 'file' ? stat.isFile() : stat.isDirectory());
  }
  try {
    accessSync(bytes, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function compileRewrite(op: Extract<ScriptOp, { op: 'rewrite' }>, tools: ScriptTools): Instruction {
  const pattern = patternOf(op.pattern, false);
  const full = /^(?:https?:\/\/|\$scheme)/.test(op.replacement);
  const status = op.flag === 'permanent' ? 301 : 302;
  const isRedirect = full || op.flag === 'redirect' || op.flag === 'permanent';
  const expandReplacement = compileReplacement(op.replacement, isRedirect, tools.lookup);
  const replacesArgs = op.replacement.includes('?');
  const outcome = op.flag === 'last' ? 'relocate-now' : op.flag === 'break' ? 'stop' : 'relocate';

  return (x) => {
    if (!matches(x, pattern, x.uri)) {
      // Unlike a location's, a pattern that fails here takes the captures of the match before along.
      x.captures = null;
      return 'go-on';
    }
    const { uri, args } = expandReplacement(x);
    x.escapesCaptures = false;
    if (isRedirect) {
      x.isInternal = true;
      x.isUriChanged = true;
      const path = unescapeRedirect(uri);
      tools.redirect(x, status, args === null ? path : `${path}?${args}`);
      return 'answered';
    }
    // No location has it, no file, and a peer would be sent a request line that is none.
    if (uri === '') {
      x.location.fail(x, 500, `the rewrite of "${x.uri}" has no length`);
      return 'answered';
    }
    x.uri = uri;
    x.rewritten = true;
    x.isInternal = true;
    if (outcome === 'stop') x.locationHolds = false;
    x.isUriChanged = outcome !== 'stop';
    if (replacesArgs) {
      x.args = args ?? '';
      x.hasArgs = x.args !== '';
    }
    return outcome;
  };
}

/** The replacement with its captures and variables, and the arguments that the request then has; null = none at all. */
function compileReplacement(replacement: string, isRedirect: boolean, lookup: VariableLookup) {
  // A '?' at the end of the replacement keeps the arguments of the request away.
  const keepsArgs = !replacement.endsWith('?');
  const source = keepsArgs ? replacement : replacement.slice(0, -1);
  const question = source.indexOf('?');
  const path = compileTemplate(question < 0 ? source : source.slice(0, question), lookup);
  const query = question < 0 ? null : compileTemplate(source.slice(question + 1), lookup);
  return (x: Exchange): { uri: string; args: string | null } => {
    const m = x.captures;
    // Numbered captures come from the decoded path: in arguments and in a redirect they are escaped again, where anything was escaped.
    const escaped = m !== null && needsEscape(x) ? escapedCaptures(m) : m;
    x.captures = isRedirect ? escaped : m;
    const uri = path(x);
    x.captures = escaped;
    const own = query === null ? null : query(x);
    x.captures = m;
    if (!keepsArgs || !x.hasArgs || x.args === '') return { uri, args: own };
    // nginx puts the `&` also behind nothing.
    return { uri, args: own === null ? x.args : `${own}&${x.args}` };
  };
}

function escapedCaptures(captures: readonly (string | undefined)[]): readonly (string | undefined)[] {
  return captures.map((c) => (c === undefined ? c : escapeArgs(c)));
}

function needsEscape(x: Exchange): boolean {
  return standsInPath(x.request.path, '%') || standsInPath(x.request.path, '+');
}
