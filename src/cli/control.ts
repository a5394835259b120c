// `lbproxy ctl`: what it needs to know of lbproxy's own files.
import { existsSync } from 'node:fs';
import { runCtl } from './ctl/main.ts';
import { isSupervisordFile } from './programs-file.ts';
import { configFilesIn, controlSocketOf, usualStateDir } from './state-places.ts';

export function control(args: readonly string[]): Promise<number> {
  const { stdin, stdout, stderr } = process;
  return runCtl(args, { stdin, stdout, stderr }, { ownConfig, controlSocketOf: socketOf });
}

/** Of several configurations here one that runs, as far as the usual place tells; else the one that would be started. */
function ownConfig(): string | undefined {
  const files = configFilesIn('.');
  const hasSocket = (file: string): boolean => existsSync(controlSocketOf(usualStateDir(), file) ?? '');
  return files.find(hasSocket) ?? files[0];
}

/** Mostly it is in the usual place; a configuration may have its own (state_path). Of one that is broken meanwhile that is not known. */
async function socketOf(file: string): Promise<string | null> {
  if (!existsSync(file)) return null;
  const usual = controlSocketOf(usualStateDir(), file);
  if ((usual !== null && existsSync(usual)) || isSupervisordFile(file)) return usual;
  const { readConfig, stateDirOf } = await import('./read-config.ts');
  const { model } = readConfig(file, {});
  return model === undefined ? usual : controlSocketOf(stateDirOf(model), file);
}
