// `lbproxy ctl`: what it needs to know of lbproxy's own files.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runCtl } from './ctl/main.ts';
import { configFile, controlSocketOf, readConfig, stateDirOf } from './read-config.ts';

export function control(args: readonly string[]): Promise<number> {
  const { stdin, stdout, stderr } = process;
  return runCtl(
    args,
    { stdin, stdout, stderr },
    { ownConfig: () => configFile({}), controlSocketOf: socketOf },
  );
}

/** By the configuration's state_path; of one that is broken meanwhile, where it is without. */
function socketOf(file: string): string | null {
  if (!existsSync(file)) return null;
  const { model } = readConfig(file, {});
  const usual = join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'lbproxy');
  return controlSocketOf(model === undefined ? usual : stateDirOf(model), file);
}
