// The command called as nginx. What -v and -V need is all that is loaded for them.
import { bearClosedOutput } from '../closed-output.ts';
import type { NginxArgs } from './argv.ts';
import { readArgs } from './argv.ts';
import { buildLines, USAGE, VERSION_LINE } from './usage.ts';

/** Runs it; the exit status. */
export async function runNginx(words: readonly string[]): Promise<number> {
  bearClosedOutput();
  const args = readArgs(words);
  if (typeof args === 'string') {
    process.stderr.write(`nginx: ${args}\n`);
    return 1;
  }
  if (args.version) {
    process.stderr.write(`${VERSION_LINE}${args.help ? USAGE : ''}${args.build ? buildLines() : ''}`);
    if (!args.test) return 0;
  }
  return await command(args);
}

async function command(args: NginxArgs): Promise<number> {
  const { optionsOf } = await import('./nginx-face.ts');
  const options = optionsOf(args);
  if (args.test) return (await import('./test-nginx.ts')).testNginx(options);
  if (args.signal !== undefined) return (await import('./signal-nginx.ts')).signalNginx(args.signal, options);
  const { makeWayForReaper } = await import('../first-process.ts');
  makeWayForReaper();
  return (await import('./master.ts')).serveNginx(options);
}
