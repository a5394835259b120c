// The machine as it is: what stores are looked for in where no test says otherwise.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { isatty } from 'node:tty';
import type { Ran, TrustPlaces } from './store.ts';

/** Somebody may have to type a password, or to click. */
const LIMIT_MS = 300_000;

export function thisMachine(): TrustPlaces {
  return {
    platform: process.platform,
    env: process.env,
    home: homedir(),
    root: '',
    isRoot: process.platform === 'win32' || process.geteuid?.() === 0,
    isTerminal: isatty(0) && isatty(2),
    run: (argv) => runCommand(argv, { ...process.env, PATH: withRootsTools(process.env.PATH ?? '') }),
  };
}

/** They are not in everybody's PATH. */
const ROOTS_TOOLS = process.platform === 'win32' ? [] : ['/usr/sbin', '/sbin'];

function withRootsTools(path: string): string {
  return [path, ...ROOTS_TOOLS].filter((text) => text !== '').join(delimiter);
}

/** Without a shell. A terminal is the command's for a password; what it says is kept. */
export function runCommand([program, ...args]: readonly string[], env: NodeJS.ProcessEnv): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    env,
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  return { code: status, stdout: stdout ?? '', stderr: error?.message ?? stderr ?? '' };
}

/** The path of a program; null where PATH has none. */
export function programIn(
  name: string,
  { env, platform, root }: Pick<TrustPlaces, 'env' | 'platform' | 'root'>,
): string | null {
  const file = platform === 'win32' ? `${name}.exe` : name;
  const own = (env.PATH ?? '').split(delimiter).filter((text) => text !== '');
  return (
    [...own, ...ROOTS_TOOLS.map((directory) => root + directory)]
      .map((directory) => join(directory, file))
      .find(isProgram) ?? null
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
