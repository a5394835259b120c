// The options of `npm run bench --`.
import { parseArgs } from 'node:util';
import { ENGINES, type Engine } from './load/http-engines.ts';

export interface Options {
  readonly quick: boolean;
  readonly list: boolean;
  readonly help: boolean;
  /** Names of scenarios; undefined: all. */
  readonly only?: readonly string[];
  /** Names of contenders; undefined: all that a scenario names. */
  readonly contenders?: readonly string[];
  readonly rounds: number;
  /** Seconds of a round. */
  readonly seconds: number;
  /** What sends requests; undefined: wrk where it is installed. */
  readonly load?: Engine;
  /** A git revision whose build is compared with that of this checkout. */
  readonly compare?: string;
  /** Whether every round is kept beside the summary. */
  readonly everyRound: boolean;
  /** Where lbproxy's own time goes, instead of how it compares. */
  readonly user: boolean;
}

export const USAGE = `npm run bench -- [options]
  --quick             the main scenarios in short rounds, within three minutes
  --only a,b          these scenarios, or families of them
  --contenders a,b    these contenders; the beginning of a name is enough
  --rounds N          rounds of each, interleaved (3; quick 2)
  --seconds N         of a round (5; quick 2)
  --load NAME         ${ENGINES.join(' | ')}
  --compare REF       builds REF beside this checkout and runs the two against each other
  --every-round       keeps every round, beside the summary in bench/results/
  --user              where a request's CPU time goes in lbproxy, by rooms (plain,headers,tls,static-1k; others by --only)
  --list              what there is
`;

/** The names that options may use. */
export interface Names {
  /** Scenario → its family, or its own name. */
  readonly scenarios: ReadonlyMap<string, string>;
  readonly contenders: readonly string[];
}

/** Throws an Error that names what is valid. */
export function parseOptions(args: readonly string[], names: Names): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string' },
      contenders: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      load: { type: 'string' },
      compare: { type: 'string' },
      'every-round': { type: 'boolean', default: false },
      user: { type: 'boolean', default: false },
    },
  });
  const { quick, list, help, user, only, contenders, load, compare } = values;
  return {
    ...{ quick, list, help, user, everyRound: values['every-round'] },
    ...(only === undefined ? {} : { only: scenarioNames(only, names) }),
    ...(contenders === undefined ? {} : { contenders: contenderNames(contenders, names) }),
    rounds: wholeNumber('rounds', values.rounds ?? (quick ? '2' : '3')),
    seconds: wholeNumber('seconds', values.seconds ?? (quick ? '2' : '5')),
    ...(load === undefined ? {} : { load: engineNamed(load) }),
    ...(compare === undefined ? {} : { compare }),
  };
}

function scenarioNames(list: string, { scenarios }: Names): readonly string[] {
  const all = [...scenarios];
  const chosen = list.split(',').flatMap((wanted) => {
    const found = all.filter(([name, family]) => name === wanted || family === wanted);
    if (found.length === 0) throw unknown('scenario', wanted, [...scenarios.keys()]);
    return found.map(([name]) => name);
  });
  return [...new Set(chosen)];
}

function contenderNames(list: string, { contenders }: Names): readonly string[] {
  const chosen = list.split(',').flatMap((wanted) => {
    const exact = contenders.filter((name) => name === wanted);
    const found = exact.length > 0 ? exact : contenders.filter((name) => begins(name, wanted));
    if (found.length === 0) throw unknown('contender', wanted, contenders);
    return found;
  });
  return [...new Set(chosen)];
}

const begins = (name: string, wanted: string): boolean =>
  wanted !== '' && name.toLowerCase().startsWith(wanted.toLowerCase());

function engineNamed(name: string): Engine {
  const engine = ENGINES.find((one) => one === name);
  if (engine === undefined) throw unknown('load', name, ENGINES);
  return engine;
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`--${option} takes a whole number from 1, not "${text}"`);
  return Number(text);
}

const unknown = (what: string, wanted: string, valid: readonly string[]): Error =>
  new Error(`there is no ${what} "${wanted}"; valid: ${valid.join(', ')}`);
