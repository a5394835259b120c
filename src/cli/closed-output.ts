// Who reads what a command prints may have enough of it (`| head`): the rest is for nobody, and the command does the rest of its work.

/** Without it the first text that nobody takes would end the process, with a trace of the stack. */
export function bearClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
}
