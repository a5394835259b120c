// What V8 says of its optimising compilers (`--trace-opt --trace-deopt`): functions whose code it threw away, and those it gave up.

export interface Abandoned {
  /** How often the optimised code of a function was thrown away because of what it met, by name. */
  readonly deoptimised: ReadonlyMap<string, number>;
  /** Functions that are not optimised any more, and V8's reason. */
  readonly disabled: ReadonlyMap<string, string>;
}

const BAILOUT =
  /^\[bailout \(kind: [\w-]+, reason: (.*?)\): begin\. deoptimizing \w+ <JSFunction ?(.*?) ?\(sfi = /gm;
const GIVEN_UP =
  /^\[(?:disabled optimization for|aborted optimizing) \w+ <\w+ ?(.*?)(?: ?\(sfi = \w+\))?>.*? ?(?:because|reason): (.*)\]$/gm;

/** On the way to better code, or to be tried again. */
const PASSING = /on stack replacement|dependency change/;

export function abandonedIn(trace: string): Abandoned {
  const deoptimised = new Map<string, number>();
  for (const [, reason, name] of trace.matchAll(BAILOUT)) {
    const what = `${named(name)}: ${reason}`;
    if (!PASSING.test(reason)) deoptimised.set(what, (deoptimised.get(what) ?? 0) + 1);
  }
  const givenUp = [...trace.matchAll(GIVEN_UP)].filter(([, , reason]) => !PASSING.test(reason));
  return { deoptimised, disabled: new Map(givenUp.map(([, name, reason]) => [named(name), reason])) };
}

const named = (name: string): string => (name === '' ? '(anonymous)' : name);
