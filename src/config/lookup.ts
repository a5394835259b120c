// One look-up of variables for one configuration: those that it defines come before those that every configuration has.
import type { Exchange } from '../exchange/exchange.ts';
import { type Getter, parseTemplate, type VariableLookup } from '../route/template.ts';
import type { VariableModel } from './model.ts';
import { lookupAny, lookupVariable } from './registry.ts';
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
    const keeps = !model.volatile && !isSteady(model, waiting);
    const variable = new DefinedVariable(model, keeps, lookupAny(name), report);
    // Before it is compiled: it may need itself.
    getters.set(name, variable.get);
    variable.evaluate = compileDefinition(model, lookup);
    return variable.get;
  };
  return lookup;
}

const isOurs = (name: string): boolean => lookupVariable(name) !== undefined;

/** What stays as it is from the beginning of a request to its end, unless the configuration sets it; the address does not (realip). */
const STEADY = /^(?:(?:http|cookie)_.+|host|scheme|https|request_method|request_uri|server_port)$/;

/** Whether a definition has the same value whenever it is asked, and asking changes nothing: it need not be kept. */
function isSteady(model: VariableModel, defined: ReadonlyMap<string, VariableModel>): boolean {
  const areSteady = (template: string): boolean => {
    const parts = parseTemplate(template);
    const names =
      'error' in parts
        ? []
        : parts.flatMap((part) => ('variable' in part ? [part.variable.toLowerCase()] : []));
    return names.every((name) => STEADY.test(name) && !defined.has(name));
  };
  switch (model.kind) {
    case 'map': {
      const { source, fallback, exact, suffixes, domains, prefixes, regexes } = model.definition;
      const entries = [exact, suffixes, domains, prefixes].flat();
      const isPlain =
        regexes.length === 0 && !fallback.includes('$') && entries.every(([, value]) => !value.includes('$'));
      return isPlain && areSteady(source);
    }
    case 'geo':
      return model.definition.source !== null && areSteady(`$${model.definition.source}`);
    case 'split_clients':
      return areSteady(model.definition.source);
    case 'set':
      return false;
  }
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

  /** `keeps`: the first value stays with the exchange. `outer`: what the name is without the configuration. */
  constructor(
    { name, kind }: VariableModel,
    keeps: boolean,
    outer: Getter | undefined,
    report: ReportProblem,
  ) {
    this.#name = name;
    this.#report = report;
    // `set`, a named capture and an earlier evaluation leave the value with the exchange.
    const kept = (x: Exchange): string | undefined =>
      x.variables === null ? undefined : x.variables.get(name);
    if (kind === 'set') this.get = isOurs(name) ? (x) => kept(x) ?? outer?.(x) : (x) => kept(x) ?? '';
    else if (keeps) this.get = (x) => kept(x) ?? this.#fresh(x, true);
    else this.get = (x) => kept(x) ?? inCircle?.get(name) ?? this.#fresh(x, false);
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
