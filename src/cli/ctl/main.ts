// `lbproxy ctl`: one command, or a shell, against the server that the options or the configuration name.
import { BadConfiguration } from './bad-configuration.ts';
import { runLine } from './commands/table.ts';
import { type Finding, findServer, type Surroundings } from './find-server.ts';
import { USAGE } from './help-text.ts';
import { Lines } from './lines.ts';
import { type CtlOptions, readOptions } from './options.ts';
import { type CtlIo, EXIT, Session } from './session.ts';
import { completions, runShell } from './shell.ts';

/** Runs `lbproxy ctl ARGS`; the exit status. */
export async function runCtl(args: readonly string[], io: CtlIo, around: Surroundings): Promise<number> {
  try {
    const options = readOptions(args);
    if (options.help) {
      io.stdout.write(USAGE);
      return EXIT.ok;
    }
    return await act(options, await findServer(options, around), io);
  } catch (error) {
    if (!(error instanceof BadConfiguration)) throw error;
    io.stderr.write(`Error: ${error.message}\nFor help, use lbproxy ctl -h\n`);
    return EXIT.invalidArguments;
  }
}

async function act(options: CtlOptions, finding: Finding, io: CtlIo): Promise<number> {
  const { flags, words } = options;
  const isShell = words.length === 0;
  const lines = new Lines(
    io,
    completions(() => session),
  );
  const session = new Session({
    io,
    flags,
    interactive: isShell || options.interactive,
    found: finding.server,
    ask: (prompt, hidden) => lines.ask(prompt, hidden),
  });
  const interrupt = (): void => {
    session.interrupt();
    lines.interrupt();
  };
  // Whoever read the output went away (`| head`): there is nobody to work for.
  const gone = (): void => {
    session.left = true;
    interrupt();
  };
  process.on('SIGINT', interrupt);
  io.stdout.on('error', gone);
  try {
    if (!isShell) await runLine(session, words.join(' '));
    else
      await runShell(session, lines, { ...finding, historyFile: options.historyFile ?? finding.historyFile });
  } finally {
    lines.close();
    await written(io);
    process.off('SIGINT', interrupt);
    io.stdout.off('error', gone);
  }
  // supervisorctl's shell always ends well.
  return isShell ? EXIT.ok : session.exitStatus;
}

/** Once all is handed over to the one who reads it, or he is gone. */
function written({ stdout }: CtlIo): Promise<void> {
  return new Promise((resolve) => {
    if (stdout.destroyed || stdout.writableEnded) resolve();
    else stdout.write('', () => resolve());
  });
}
