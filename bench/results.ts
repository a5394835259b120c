// What a run leaves behind: bench/results/<time>.json with everything, and a chart beside it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { CHECKOUT } from './contenders/lbproxy.ts';
import type { Engine } from './load/http-engines.ts';
import type { Options } from './options.ts';
import { unpinnedBecause } from './pin.ts';
import type { Line, Outcome, Round } from './report.ts';

export interface Results {
  readonly options: Options;
  /** What sent the requests. */
  readonly engine: Engine;
  /** Of all cores, by others before the run. */
  readonly busyPercent: number;
  /** Version of each contender. */
  readonly versions: Readonly<Record<string, string>>;
  readonly lines: readonly Line[];
  readonly outcomes: readonly Outcome[];
  readonly rounds: readonly Round[];
}

export function machine(): Readonly<Record<string, string | number>> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: `${process.platform} ${release()}`,
    node: process.versions.node,
    pinning: unpinnedBecause ?? 'contender on core 0, load and upstreams on core 1',
  };
}

/** The commit, and whether files differ from it; undefined outside a checkout. */
function checkout(): { readonly commit: string; readonly dirty: boolean } | undefined {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: CHECKOUT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return { commit: git('rev-parse', '--short', 'HEAD'), dirty: git('status', '--porcelain') !== '' };
  } catch {
    return undefined;
  }
}

/** Writes the files; their paths. `svg` is undefined where there is nothing to draw. */
export function writeResults(results: Results, svg: string | undefined): readonly string[] {
  const dir = new URL('./results/', import.meta.url).pathname;
  mkdirSync(dir, { recursive: true });
  const time = new Date().toISOString();
  const base = `${dir}${time.replace(/[:.]/g, '-')}`;
  const all = { time, machine: machine(), ...checkout(), ...results };
  writeFileSync(`${base}.json`, `${JSON.stringify(all, null, 2)}\n`);
  if (svg === undefined) return [`${base}.json`];
  writeFileSync(`${base}.svg`, svg);
  return [`${base}.json`, `${base}.svg`];
}
