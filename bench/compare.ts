// The build of another revision beside this checkout, for --compare.
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from './contenders/contender.ts';
import { CHECKOUT, lbproxyOf } from './contenders/lbproxy.ts';

/**
 * Checks `ref` out into `dir`, builds it with the packages of this checkout and gives it as a contender. The worktree is
 * removed when this program ends. Throws with what git or npm said.
 */
export function buildRevision(ref: string, dir: string): Contender {
  const tree = join(dir, 'revision');
  const run = (cwd: string, command: string, ...args: string[]): void => {
    try {
      execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
      throw new Error(`cannot build ${ref}: ${command} ${args.join(' ')}: ${stderr}${stdout}`);
    }
  };
  // Before the directory around it goes.
  process.prependListener('exit', () => {
    try {
      run(CHECKOUT, 'git', 'worktree', 'remove', '--force', tree);
    } catch {
      // It was never made.
    }
  });
  run(CHECKOUT, 'git', 'worktree', 'add', '--detach', tree, ref);
  const packages = join(CHECKOUT, 'node_modules');
  symlinkSync(packages, join(tree, 'node_modules'));
  // As that revision says.
  run(tree, 'npm', 'run', 'build');
  return lbproxyOf(tree, `lbproxy @${ref}`);
}
