// `lbproxy ctl`: what it needs to know of lbproxy's own files.
import { existsSync } from 'node:fs';
import { runCtl } from './ctl/main.ts';
import { configFile, controlSocketOf, readConfig, stateDirOf, usualStateDir } from './read-config.ts';

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
  const usual = controlSocketOf(usualStateDir(), file);
  if (usual !== null && existsSync(usual)) return usual;
  const { model } = readConfig(file, {});
  return model === undefined ? usual : controlSocketOf(stateDirOf(model), file);
}
