// `lbproxy ctl`: what it needs to know of lbproxy's own files.
import { runCtl } from './ctl/main.ts';
import { ownConfig, socketOfRun } from './running.ts';

export function control(args: readonly string[]): Promise<number> {
  const { stdin, stdout, stderr } = process;
  return runCtl(args, { stdin, stdout, stderr }, { ownConfig, controlSocketOf: socketOfRun });
}
