// The words behind `npm run fuzz --`.
import { parseArgs } from 'node:util';
import { TARGET_NAMES, type TargetName } from './target.ts';

export interface Options {
  readonly minutes: number;
  readonly only: readonly TargetName[];
  readonly seed: number;
  /** Most cases of each target. */
  readonly cases: number;
  /** The one case to run again; −1 = all. */
  readonly single: number;
  /** Cases a second of each target; 0 = as many as can be. */
  readonly rate: number;
}

export const USAGE = `npm run fuzz -- [options]
  --minutes N    how long (default 1; fractions may be)
  --only a,b     targets among ${TARGET_NAMES.join(', ')} (default: all of them)
  --seed N       where cases come from (default: the day)
  --cases N      most cases of each target
  --case I       only this one, of one target; prints it
  --rate N       most cases a second of each target, so that they share the cores (default 600; 0 = no limit)
`;

/** Throws what is wrong with them. */
export function parseOptions(argv: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: { minutes: text, only: text, seed: text, cases: text, case: text, rate: text },
  });
  const number = (name: 'minutes' | 'seed' | 'cases' | 'case' | 'rate', otherwise: number): number => {
    const value = Number(values[name] ?? otherwise);
    if (Number.isFinite(value) && (values[name] === undefined || value >= 0)) return value;
    throw new Error(`--${name} ${values[name]} is no number`);
  };
  const only = (values.only ?? TARGET_NAMES.join(',')).split(',').map((name) => {
    const target = TARGET_NAMES.find((each) => each === name);
    if (target === undefined) throw new Error(`there is no target "${name}"`);
    return target;
  });
  const single = number('case', -1);
  if (single >= 0 && only.length !== 1) throw new Error('--case is for one target: name it with --only');
  return {
    minutes: number('minutes', 1),
    only,
    seed: number('seed', Math.floor(Date.now() / 86_400_000)),
    cases: number('cases', Number.MAX_SAFE_INTEGER),
    single,
    rate: number('rate', 600),
  };
}
