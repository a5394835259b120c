// npm run fuzz: all targets at once, each in a process of its own, for so many minutes; exit code 1 when anything failed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTarget } from './open-target.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { Random } from './random.ts';
import { problemsOf, reportText } from './report.ts';
import { Runner } from './runner.ts';
import { shown } from './target.ts';

const SAY_MS = 60_000;

function readOptions(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function printCase({ only: [name], seed, single }: Options): Promise<void> {
  const target = await openTarget(name);
  process.stdout.write(`${name} case ${single}: ${shown(target.make(new Random(seed, single)))}\n`);
  await target.close();
}

async function main(options: Options): Promise<void> {
  if (options.single >= 0) await printCase(options);
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-fuzz-'));
  const runners = new Map(options.only.map((name) => [name, new Runner(name, options, dir)]));
  process.on('exit', () => {
    for (const runner of runners.values()) runner.kill();
    rmSync(dir, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
  const saying = setInterval(() => {
    const counts = [...runners].map(([name, runner]) => `${name} ${runner.cases.toLocaleString('en')}`);
    process.stdout.write(`${counts.join(', ')}\n`);
  }, SAY_MS);
  const results = await Promise.all([...runners.values()].map((runner) => runner.run()));
  clearInterval(saying);
  process.stdout.write(`${reportText(results, options.seed)}\n`);
  process.exitCode = results.some((result) => problemsOf(result) > 0) ? 1 : 0;
}

const options = readOptions();
if (options !== undefined) await main(options);
