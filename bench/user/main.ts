// npm run bench -- --user: where the CPU time of a request goes, by rooms of src/, in Node, in V8 and in the kernel, as a table for
// docs/PERFORMANCE.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'rolldown';
import config from '../../rolldown.config.ts';
import type { Running } from '../contenders/contender.ts';
import { CHECKOUT } from '../contenders/lbproxy.ts';
import { countedLbproxy, Probe } from '../counts/counted.ts';
import type { Fleets } from '../fleet.ts';
import type { Load, Loader } from '../load/load.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { perfMissing, recordByPerf, type Samples, samplesByPerf, samplesByV8 } from './samples.ts';
import { tableText, type UserRow } from './table.ts';

export const USER_ROWS: readonly string[] = ['plain', 'headers', 'tls', 'static-1k'];

/** V8 compiles until then, and what it costs is no part of a request. On a busy machine that takes longer than a few seconds. */
const WARM_REQUESTS = 80_000;
const WARM_SECONDS = 2;
const MOST_WARM_SECONDS = 30;

export interface UserRun {
  readonly scenarios: readonly Scenario[];
  readonly fleets: Fleets;
  readonly loader: Loader;
  readonly seconds: number;
  readonly dir: string;
  /** Date, machine, versions: the table's caption. */
  readonly about: string;
}

/** The table, also in a file; its path. */
export async function userTable(run: UserRun): Promise<{ readonly text: string; readonly file: string }> {
  const missing = perfMissing(run.dir);
  if (missing !== undefined) console.log(`perf cannot be used, V8's profiler knows no kernel: ${missing}`);
  const built = await buildWithMaps();
  process.on('exit', () => rmSync(built, { recursive: true, force: true }));
  const rows: UserRow[] = [];
  for (const scenario of run.scenarios)
    rows.push(await measure(run, scenario, join(built, 'dist/main.js'), missing === undefined));
  const text = tableText(rows, run.about);
  const dir = new URL('../results/', import.meta.url).pathname;
  mkdirSync(dir, { recursive: true });
  const file = `${dir}${new Date().toISOString().replace(/[:.]/g, '-')}.user.md`;
  writeFileSync(file, text);
  return { text, file };
}

/** They change what is put together, and know nothing of maps. Of a request it is a look-up less in calls of Node's parts; of rows nothing. */
const WITHOUT_MAPS: ReadonlySet<unknown> = new Set(['node-parts', 'rows-if-used']);

/** What `npm run build` makes, with the places of the sources. Beside the packages that it imports. */
async function buildWithMaps(): Promise<string> {
  const cache = join(CHECKOUT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, 'user-'));
  for (const part of config) {
    const plugins = [part.plugins].flat().filter((one) => !WITHOUT_MAPS.has(named(one)));
    const output = { ...[part.output].flat()[0], dir: join(dir, 'dist'), sourcemap: true };
    await build({ ...part, cwd: CHECKOUT, plugins, output, logLevel: 'warn' });
  }
  return dir;
}

const named = (plugin: unknown): unknown =>
  typeof plugin === 'object' && plugin !== null && 'name' in plugin ? plugin.name : undefined;

async function measure(run: UserRun, scenario: Scenario, main: string, perf: boolean): Promise<UserRow> {
  const { fleets, loader } = run;
  const contender = countedLbproxy(main, perf ? ['--perf-prof', `--perf-prof-path=${run.dir}`] : []);
  const made = await fleets.make([{ scenario, contenders: [contender], seconds: run.seconds }]);
  const [running] = [...made.values()].flat();
  if (running === undefined) throw new Error(`${scenario.name}: lbproxy did not start`);
  const { dir } = running.place;
  const probe = new Probe(dir);
  try {
    await loader.verify(running, scenario.load);
    await warm(loader, running, scenario.load);
    let figures: UserRow['figures'] = {};
    const work = async (): Promise<void> => {
      figures = await loader.run(running, scenario.load, run.seconds);
    };
    const { pid } = await probe.heap();
    let samples: Samples;
    if (perf) {
      const data = await recordByPerf(pid, run.dir, work);
      await fleets.make([]);
      samples = samplesByPerf(data, join(run.dir, `jit-${pid}.dump`));
    } else samples = await samplesByV8(probe, dir, work);
    return { name: scenario.name, figures, samples };
  } finally {
    probe.end();
  }
}

async function warm(loader: Loader, running: Running, load: Load): Promise<void> {
  let asked = 0;
  for (let seconds = 0; asked < WARM_REQUESTS && seconds < MOST_WARM_SECONDS; seconds += WARM_SECONDS) {
    const { requestsPerSecond } = await loader.run(running, load, WARM_SECONDS);
    asked += requestsPerSecond * WARM_SECONDS;
  }
}
