// npm run bench: options → plan → rounds → report.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chart } from './chart.ts';
import { buildRevision } from './compare.ts';
import type { Contender } from './contenders/contender.ts';
import { CONTENDERS } from './contenders/index.ts';
import { lbproxy } from './contenders/lbproxy.ts';
import { Fleets, makeFiles } from './fleet.ts';
import { defaultEngine } from './load/http-engines.ts';
import { loaders } from './load/index.ts';
import { busyPercent } from './measure.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { type Group, planOf, secondsOf } from './plan.ts';
import { scenarioText, targetsText } from './print.ts';
import { outcomesOf, type Round, summarise } from './report.ts';
import { checkout, machine, type Results, writeResults } from './results.ts';
import { runGroup } from './run.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { TARGETS } from './targets.ts';
import { USER_ROWS, userTable } from './user/main.ts';

/** What is known before the first round. */
type Run = Pick<Results, 'options' | 'engine' | 'busyPercent' | 'versions'>;

const CHARTED: readonly string[] = [
  'plain',
  'headers',
  'tls',
  'close',
  'down-16k',
  'static-10k',
  'websocket',
];

/** A machine that is busier than this disturbs what is measured. */
const QUIET_PERCENT = 5;

function readOptions(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2), {
      scenarios: new Map(SCENARIOS.map((one) => [one.name, one.family ?? one.name])),
      contenders: CONTENDERS.map((one) => one.name),
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

function list(): void {
  for (const { name, about } of SCENARIOS) console.log(`${name.padEnd(20)} ${about}`);
  console.log();
  for (const one of CONTENDERS)
    console.log(`${one.name.padEnd(20)} ${one.version() ?? `absent: ${one.install}`}`);
}

/** Versions of those contenders that are there; the others are named. */
function versionsOf(contenders: readonly Contender[]): ReadonlyMap<Contender, string> {
  const versions = new Map<Contender, string>();
  for (const contender of contenders) {
    const version = contender.version();
    if (version === undefined) console.log(`${contender.name} is left out: ${contender.install}`);
    else versions.set(contender, version);
  }
  return versions;
}

/** Gone when this program ends, by whatever signal. */
function ownDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-bench-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
  return dir;
}

/** `--user`. */
async function showUserTime(options: Options): Promise<void> {
  const wanted = options.only ?? USER_ROWS;
  const scenarios = SCENARIOS.filter(({ name, load }) => load.kind === 'http' && wanted.includes(name));
  if (scenarios.length === 0)
    throw new Error('--user is for rows of requests: plain, headers, tls, static-1k …');
  const dir = ownDirectory();
  const engine = options.load ?? defaultEngine();
  const loader = loaders(engine).get('http');
  if (loader === undefined) throw new Error('there is no loader for http');
  const busy = await busyPercent();
  const { cpu, cores, kernel, node } = machine();
  const { commit = 'unknown' } = checkout() ?? {};
  const about =
    `${new Date().toISOString().slice(0, 10)}, ${cores} × ${cpu}, ${kernel}, Node ${node}, commit ${commit}, ` +
    `load by ${engine} for ${options.seconds} s a row, the machine ${busy} % busy before`;
  const fleets = new Fleets(await makeFiles(dir), dir, note);
  try {
    const run = { scenarios, fleets, loader, seconds: options.seconds, dir, about };
    const { text, file } = await userTable(run);
    console.log(`${text}\nwritten to ${file}`);
  } finally {
    await fleets.make([]);
  }
}

async function main(options: Options): Promise<void> {
  const dir = ownDirectory();
  const contenders =
    options.compare === undefined ? CONTENDERS : [lbproxy, buildRevision(options.compare, dir)];
  const asked = contenders.filter((one) => options.contenders?.includes(one.name) ?? true);
  const versions = versionsOf(options.compare === undefined ? asked : contenders);
  const groups = planOf(options, SCENARIOS, [...versions.keys()]);
  const run: Run = {
    options,
    engine: options.load ?? defaultEngine(),
    busyPercent: await busyPercent(),
    versions: Object.fromEntries([...versions].map(([contender, version]) => [contender.name, version])),
  };
  console.log(`${Object.values(machine()).join(' · ')} · load by ${run.engine}`);
  console.log(Object.values(run.versions).join(' · '));
  if (run.busyPercent > QUIET_PERCENT) {
    console.log(`The machine is ${run.busyPercent} % busy with other things: figures will vary.`);
  }
  console.log(`about ${Math.ceil(secondsOf(groups, options.rounds) / 60)} min\n`);

  const fleets = new Fleets(await makeFiles(dir), dir, note);
  const rounds: Round[] = [];
  try {
    for (const group of groups) rounds.push(...(await runAndShow(fleets, group, run)));
  } finally {
    await fleets.make([]);
  }
  report(rounds, run);
}

/** A contender that fails is left out, and the whole run has failed. */
function note(problem: string): void {
  console.log(`! ${problem}`);
  process.exitCode = 1;
}

async function runAndShow(fleets: Fleets, group: Group, run: Run): Promise<readonly Round[]> {
  const rounds = await runGroup(await fleets.make(group), loaders(run.engine), run.options.rounds, note);
  const lines = summarise(rounds, SCENARIOS);
  for (const { scenario } of group) {
    const own = lines.filter((line) => line.scenario === scenario.name);
    console.log(`${scenarioText(scenario, own)}\n`);
  }
  return rounds;
}

function report(rounds: readonly Round[], run: Run): void {
  const lines = summarise(rounds, SCENARIOS);
  const outcomes = outcomesOf(rounds, TARGETS, Number(machine().cores));
  if (outcomes.length > 0) console.log(`Targets\n${targetsText(outcomes)}\n`);
  const charted = SCENARIOS.filter((one) => CHARTED.includes(one.name));
  const svg = chart(charted, lines, `${machine().cpu}, ${machine().kernel}, Node ${machine().node}`);
  for (const file of writeResults({ ...run, lines, outcomes, rounds }, svg))
    console.log(`written to ${file}`);
}

const options = readOptions();
if (options?.help) console.log(USAGE);
else if (options?.list) list();
else if (options !== undefined) {
  await (options.user ? showUserTime(options) : main(options)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  });
}
