// Which lbproxy is meant by a command that asks one that runs: that of a configuration, or of this directory.
import { existsSync } from 'node:fs';
import { configFilesIn } from './config-file.ts';
import { isSupervisordFile } from './programs-file.ts';
import { controlSocketOf, usualStateDir } from './state-places.ts';

/** Of several configurations here one that runs, as far as the usual place tells; else the one that would be started. */
export function ownConfig(): string | undefined {
  const files = configFilesIn('.');
  const hasSocket = (file: string): boolean => existsSync(controlSocketOf(usualStateDir(), file) ?? '');
  return files.find(hasSocket) ?? files[0];
}

/** Mostly the usual one; a configuration may have its own (state_path). Of one that is broken meanwhile that is not known. */
export async function stateDirOfRun(file: string): Promise<string> {
  const usual = usualStateDir();
  if (existsSync(controlSocketOf(usual, file) ?? '') || isSupervisordFile(file)) return usual;
  const { readConfig, stateDirOf } = await import('./read-config.ts');
  const { model } = readConfig(file, {});
  return model === undefined ? usual : stateDirOf(model);
}

/** Its control socket; null where that cannot be said. */
export async function socketOfRun(file: string): Promise<string | null> {
  return existsSync(file) ? controlSocketOf(await stateDirOfRun(file), file) : null;
}
