// One look-up of variables for one configuration: those that it defines come before those that every configuration has.
import type { Exchange } from '../exchange.ts';
import type { Getter, VariableLookup } from '../route/template.ts';
import type { VariableModel } from './model.ts';
import { lookupAny } from './registry.ts';
import { compileDefinition } from './variable-kinds.ts';

/** Told of a variable that has no value because it needs its own. */
export type ReportProblem = (exchange: Exchange, message: string) => void;

/** A definition is compiled when the first one asks for it: what nobody uses costs nothing. */
export function createLookup(models: readonly VariableModel[], report: ReportProblem): VariableLookup {
  const waiting = new Map(models.map((model) => [model.name, model]));
  const getters = new Map<string, Getter>();
  const lookup: VariableLookup = (given) => {
    const name = given.toLowerCase();
    const known = getters.get(name);
    if (known !== undefined) return known;
    const model = waiting.get(name);
    if (model === undefined) return lookupAny(name);
    const variable = new DefinedVariable(model, report);
    // Before it is compiled: it may need itself.
    getters.set(name, variable.get);
    variable.evaluate = compileDefinition(model, lookup);
    return variable.get;
  };
  return lookup;
}

/** So many definitions may need each other in one value: beyond, they go in a circle (ngx_http_variable_depth). */
const MOST_NESTED = 100;
/** No request makes so long a value, but definitions that need each other twice do. */
const LONGEST_VALUE = 1 << 20;
/** Evaluation waits for nothing, so that there is only ever one under way. */
let nested = 0;
/** From a circle on, until the outermost value is there: volatile values are kept, or all would be asked twice at each turn. */
let inCircle: Map<string, string> | null = null;

class DefinedVariable {
  evaluate: Getter = () => '';
  readonly get: Getter;
  readonly #name: string;
  readonly #report: ReportProblem;

  constructor({ name, kind, volatile }: VariableModel, report: ReportProblem) {
    this.#name = name;
    this.#report = report;
    // `set`, a named capture and an earlier evaluation leave the value with the exchange.
    const kept = (x: Exchange): string | undefined =>
      x.variables === null ? undefined : x.variables.get(name);
    if (kind === 'set') this.get = (x) => kept(x) ?? '';
    else if (volatile) this.get = (x) => kept(x) ?? inCircle?.get(name) ?? this.#fresh(x, false);
    else this.get = (x) => kept(x) ?? this.#fresh(x, true);
  }

  #fresh(x: Exchange, keep: boolean): string | undefined {
    if (nested === MOST_NESTED) {
      inCircle ??= new Map();
      this.#report(x, `cycle while evaluating variable "${this.#name}"`);
      return undefined;
    }
    nested++;
    try {
      const value = this.#within(x, this.evaluate(x) ?? '');
      if (!keep) inCircle?.set(this.#name, value);
      else {
        x.variables ??= new Map();
        x.variables.set(this.#name, value);
      }
      return value;
    } finally {
      nested--;
      if (nested === 0) inCircle = null;
    }
  }

  #within(x: Exchange, value: string): string {
    if (value.length <= LONGEST_VALUE) return value;
    this.#report(
      x,
      `variable "${this.#name}" has no value: it would be longer than ${LONGEST_VALUE >> 20} MB`,
    );
    return '';
  }
}
