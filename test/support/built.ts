// Before the tests: the sources in a few files, as the package has them. The kit starts lbproxy some thousand times, and a process
// of it loads these with half the work that the seven hundred files of src/ are. A run has a directory of its own, and leaves none.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// Where the packages are found that are not put into those files.
const CACHE = join(ROOT, 'node_modules/.cache');

export default function setup(project: TestProject): () => void {
  mkdirSync(CACHE, { recursive: true });
  const dir = mkdtempSync(join(CACHE, 'tested-'));
  // Some programs run as another user.
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }\n');
  build(dir);
  // `vitest` that watches: the sources have changed.
  project.onTestsRerun(() => build(dir));
  process.env.LBPROXY_TESTED_MAIN = join(dir, 'dist/main.js');
  // What Node made of a file the first time serves the others, those of the tests too.
  process.env.NODE_COMPILE_CACHE = join(dir, 'compiled');
  // A process that is just ending may write to the last directory.
  return () => rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
}

/** As `npm run build` does, but for the types. */
function build(dir: string): void {
  const dist = join(dir, 'dist');
  run(['node_modules/rolldown/bin/cli.mjs', '-c', 'rolldown.config.ts', '-d', dist, '--logLevel', 'warn']);
  run(['src/cockpit/write-page.ts', join(dist, 'live-view.html')]);
}

function run(words: readonly string[]): void {
  execFileSync(process.execPath, words, {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 120_000,
  });
}
