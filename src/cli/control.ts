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

/** Mostly it is in the usual place; a configuration may have its own (state_path). Of one that is broken meanwhile that is not known. */
function socketOf(file: string): string | null {
  if (!existsSync(file)) return null;
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state');
  const usual = controlSocketOf(join(state, 'lbproxy'), file);
  if (usual !== null && existsSync(usual)) return usual;
  const { model } = readConfig(file, {});
  return model === undefined ? usual : controlSocketOf(stateDirOf(model), file);
}
