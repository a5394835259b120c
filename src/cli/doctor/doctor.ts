// lbproxy doctor: looks for what keeps lbproxy from working here, or from doing what was meant, and says how to mend it.
import { parseArgs } from 'node:util';
import { shownText } from '../../config/excerpt.ts';
import { formatPosition } from '../../config/problem.ts';
import { checkFiles } from '../check-files.ts';
import type { CliOptions } from '../cli-options.ts';
import { primaryOf } from '../pid-file.ts';
import { configFile, pidFilesOf, readConfig } from '../read-config.ts';
import { type Check, type Finding, finder, type ReadSite, type Surroundings } from './check.ts';
import { CONFIG_TRAPS } from './config-traps.ts';
import { FRAMEWORK_CHECKS } from './framework-checks.ts';
import { MACHINE_CHECKS } from './machine-checks.ts';
import { SITE_CHECKS } from './site-checks.ts';

export interface DoctorIo {
  print(text: string): void;
  fail(text: string): void;
  readonly here: Surroundings;
}

export const CHECKS: readonly Check[] = [
  ...MACHINE_CHECKS,
  ...SITE_CHECKS,
  ...CONFIG_TRAPS,
  ...FRAMEWORK_CHECKS,
];

export const DOCTOR_USAGE = `lbproxy doctor [-c FILE] [--programs FILE] [--json]

Looks at this machine and at the configuration here, and says what does not work, or may surprise, each with its fix.
The exit status is 1 where something does not work.

It looks at:
${CHECKS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')}`;

/** The exit status: 2 for a wrong command line. */
export async function doctor(args: readonly string[], io: DoctorIo): Promise<number> {
  const wish = readWish(args);
  if (wish === 'help') {
    io.print(DOCTOR_USAGE);
    return 0;
  }
  if (typeof wish === 'string') {
    io.fail(`lbproxy: ${wish}`);
    return 2;
  }
  const { site, findings } = await examine(wish, io.here);
  if (wish.json)
    io.print(JSON.stringify({ file: site?.file ?? null, checks: CHECKS.map(({ name }) => name), findings }));
  else tell(findings, site, io);
  return findings.some(({ level }) => level === 'problem') ? 1 : 0;
}

interface Wish extends CliOptions {
  readonly json: boolean;
}

function readWish(args: readonly string[]): Wish | 'help' | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c' },
        programs: { type: 'string' },
        prefix: { type: 'string', short: 'p' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const { json = false, help, config, ...rest } = values;
    const [file = config, more] = positionals;
    if (help) return 'help';
    if (more !== undefined || (positionals.length > 0 && config !== undefined))
      return 'too many configurations: name one';
    return { ...rest, json, ...(file === undefined ? {} : { config: file }) };
  } catch (error) {
    return (error as Error).message;
  }
}

interface Examination {
  readonly site: ReadSite | null;
  readonly findings: readonly Finding[];
}

async function examine(options: CliOptions, here: Surroundings): Promise<Examination> {
  const file = configFile(options);
  const { site, findings } = file === undefined ? { site: null, findings: [] } : readSite(file, options);
  const found = await Promise.all(CHECKS.map((check) => check.run(here, site)));
  return { site, findings: [...findings, ...found.flat()] };
}

/** Errors are findings; then only the machine is looked at. */
function readSite(file: string, options: CliOptions): Examination {
  const read = readConfig(file, options);
  if (read.model !== undefined) checkFiles(read, false);
  const { model, tree, pool } = read;
  const { problem, advice } = finder('configuration');
  const findings = read.problems.list
    // The check of certificates has more to say of them.
    .filter(({ message }) => !/^ssl_certificate(?:_key)? /.test(message))
    .map(({ at, message, severity }) => {
      const [what, ...fix] = shownText(message).split(/; /);
      const find = severity === 'error' ? problem : advice;
      return find(what, fix.join('; ') || 'see lbproxy -t', formatPosition(at));
    });
  if (model === undefined || tree === undefined || pool === undefined) return { site: null, findings };
  const runs = pidFilesOf(model, file, pool).some((path) => {
    const found = primaryOf(path);
    return found !== undefined && !('problem' in found);
  });
  return { site: { file, model, tree, pool, runs }, findings };
}

function tell(findings: readonly Finding[], site: ReadSite | null, io: DoctorIo): void {
  const problems = findings.filter(({ level }) => level === 'problem');
  const advice = findings.filter(({ level }) => level === 'advice');
  for (const { level, at, what, fix, check } of [...problems, ...advice]) {
    const place = at === '' ? '' : `${at}: `;
    io.print(`${level === 'problem' ? 'problem' : 'advice '}  ${place}${what} [${check}]`);
    io.print(`         → ${fix}`);
  }
  const about =
    site === null
      ? 'this machine; there is no configuration that could be read'
      : `this machine and ${site.file}`;
  const sum =
    problems.length === 0
      ? 'no problem'
      : problems.length === 1
        ? '1 problem'
        : `${problems.length} problems`;
  io.print(
    `${sum}${advice.length === 0 ? '' : `, ${advice.length} to consider`}: looked at ${about} (${CHECKS.length} checks)`,
  );
}
