// One group of scenarios: verified, warmed, then rounds interleaved A B C A B C, so that what drifts on the machine meets all.
import type { Running } from './contenders/contender.ts';
import type { Load, Loader } from './load/load.ts';
import { type Entry, WARM_SECONDS } from './plan.ts';
import type { Round } from './report.ts';

/** A contender in a scenario, ready to be measured. */
interface Side {
  readonly entry: Entry;
  readonly loader: Loader;
  readonly load: Load;
  readonly running: Running;
}

/** Takes what went wrong with one contender; the others go on. */
export type Note = (problem: string) => void;

export async function runGroup(
  group: ReadonlyMap<Entry, readonly Running[]>,
  loaders: ReadonlyMap<string, Loader>,
  rounds: number,
  note: Note,
): Promise<readonly Round[]> {
  const done: Round[] = [];
  let sides: Side[] = [];
  for (const [entry, running] of group) sides.push(...(await readySides(entry, running, loaders, note)));
  for (let round = 1; round <= rounds; round++) {
    const fine: Side[] = [];
    for (const side of sides) {
      const { entry, loader, load, running } = side;
      const contender = running.contender.name;
      const scenario = entry.scenario.name;
      try {
        const figures = await loader.run(running, load, entry.seconds);
        done.push({ scenario, contender, round, figures });
        fine.push(side);
      } catch (error) {
        note(`${contender} in ${scenario}: ${messageOf(error)}`);
      }
    }
    sides = fine;
  }
  return done;
}

/** Those that answer rightly, warmed, with the load made concrete. */
async function readySides(
  entry: Entry,
  instances: readonly Running[],
  loaders: ReadonlyMap<string, Loader>,
  note: Note,
): Promise<readonly Side[]> {
  const { scenario } = entry;
  const loader = loaders.get(scenario.load.kind);
  if (loader === undefined) throw new Error(`${scenario.name}: no loader for "${scenario.load.kind}"`);
  const right: Running[] = [];
  for (const running of instances) {
    try {
      await loader.verify(running, scenario.load);
      if (loader.warm !== false)
        await loader.run(running, scenario.load, scenario.warmSeconds ?? WARM_SECONDS);
      right.push(running);
    } catch (error) {
      note(`${running.contender.name} in ${scenario.name}: ${messageOf(error)}`);
    }
  }
  try {
    const load = (await loader.prepare?.(right, scenario.load)) ?? scenario.load;
    return right.map((running) => ({ entry, loader, load, running }));
  } catch (error) {
    note(`${scenario.name}: ${messageOf(error)}`);
    return [];
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
