// `lbproxy ctl`: what it needs to know of lbproxy's own files.
import { existsSync } from 'node:fs';
import { runCtl } from './ctl/main.ts';
import { isSupervisordFile } from './programs-file.ts';
import { configFile, controlSocketOf, usualStateDir } from './state-places.ts';

export function control(args: readonly string[]): Promise<number> {
  const { stdin, stdout, stderr } = process;
  return runCtl(
    args,
    { stdin, stdout, stderr },
    { ownConfig: () => configFile({}), controlSocketOf: socketOf },
  );
}

/** By the configuration's state_path; of one that is broken meanwhile, where it is without. A supervisord.conf names none. */
async function socketOf(file: string): Promise<string | null> {
  if (!existsSync(file)) return null;
  if (isSupervisordFile(file)) return controlSocketOf(usualStateDir(), file);
  const { readConfig, stateDirOf } = await import('./read-config.ts');
  const { model } = readConfig(file, {});
  return controlSocketOf(model === undefined ? usualStateDir() : stateDirOf(model), file);
}
