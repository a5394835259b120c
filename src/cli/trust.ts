// lbproxy trust, lbproxy untrust: has this machine believe the certificates of `ssl_certificate local`, or no longer.
import type { Command, CommanderError } from 'commander';
import { authorityIn, authorityPlaces } from '../cluster/local-certificates.ts';
import { type Authority, findAuthority } from '../local-ca/authority.ts';
import {
  apply,
  printed,
  type StoreOutcome,
  storesFor,
  type TrustWish,
  trustedOne,
} from '../local-ca/trust/apply.ts';
import { thisMachine } from '../local-ca/trust/places.ts';
import type { TrustPlaces } from '../local-ca/trust/store.ts';
import type { CliOptions } from './cli-options.ts';
import { configFile, printProblems, readConfig, stateDirOf } from './read-config.ts';
import { usualStateDir } from './state-places.ts';

type TrustOptions = CliOptions & { readonly print?: boolean };

/** The exit status: 0 where every store of this machine does as was wished. */
export async function runTrust(
  wish: TrustWish,
  args: readonly string[],
  places: TrustPlaces = thisMachine(),
): Promise<number> {
  const commander = await import('commander');
  let options: TrustOptions;
  try {
    options = createCommand(commander.Command, wish).parse(args, { from: 'user' }).opts<TrustOptions>();
  } catch (error) {
    if (error instanceof commander.CommanderError) return (error as CommanderError).exitCode;
    throw error;
  }
  const stateDir = stateDirFor(options);
  if (stateDir === null) return 1;
  try {
    return await trust(wish, { stateDir, prints: options.print === true, places });
  } catch (error) {
    process.stderr.write(`lbproxy: ${(error as Error).message}\n`);
    return 1;
  }
}

function createCommand(Maker: new (name: string) => Command, wish: TrustWish): Command {
  return new Maker(`lbproxy ${wish}`)
    .description(
      wish === 'trust'
        ? 'Has this machine, its browsers and its Java believe the certificates of "ssl_certificate local".'
        : 'Takes back what lbproxy trust has done.',
    )
    .option('-c, --config <file>', 'configuration, for its state_path (default: found in this directory)')
    .option('-p, --prefix <dir>', 'directory that relative paths start from')
    .option('--print', 'print the commands, and run none')
    .helpOption('-h, --help', 'print this help')
    .exitOverride();
}

/** Where the authority is kept; null after the reasons were printed. */
function stateDirFor(options: TrustOptions): string | null {
  const file = configFile(options);
  if (file === undefined) return usualStateDir();
  const read = readConfig(file, options);
  if (read.model !== undefined && !read.problems.hasErrors) return stateDirOf(read.model);
  printProblems(read);
  process.stderr.write(`lbproxy: ${file} has errors; nothing was done\n`);
  return null;
}

interface TrustJob {
  readonly stateDir: string;
  readonly prints: boolean;
  readonly places: TrustPlaces;
}

async function trust(wish: TrustWish, { stateDir, prints, places }: TrustJob): Promise<number> {
  const authority = await authorityFor(wish, stateDir);
  if (authority === null) {
    process.stdout.write(`there is no local authority in ${stateDir}: nothing is to be done\n`);
    return 0;
  }
  const stores = storesFor(trustedOne(authority), places);
  if (prints) {
    process.stdout.write(printed(wish, stores, places));
    return 0;
  }
  const from = authority.origin === 'mkcert' ? ' (made by mkcert)' : '';
  process.stdout.write(`authority: ${authority.path}${from}\n`);
  const outcomes = apply(wish, stores, places);
  process.stdout.write(tableOf(outcomes));
  const isDone = outcomes.every(({ ok }) => ok);
  if (isDone && wish === 'trust')
    process.stdout.write('browsers that run already may have to be started again\n');
  return isDone ? 0 : 1;
}

async function authorityFor(wish: TrustWish, stateDir: string): Promise<Authority | null> {
  const found = wish === 'trust' ? await authorityIn(stateDir) : findAuthority(authorityPlaces(stateDir));
  for (const text of found.warnings) process.stderr.write(`lbproxy: ${text}\n`);
  return found.authority;
}

function tableOf(outcomes: readonly StoreOutcome[]): string {
  return outcomes.map(({ store, text }) => `  ${store}: ${text}\n`).join('');
}
