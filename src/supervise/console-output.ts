// The output of a process as lbproxy prints it: line by line, each with the name of the process, and what repeats from crash to crash once.
import type { Readable } from 'node:stream';
import { CrashOutput, type OutputRun } from './crash-output.ts';
import { forwardLines, type OutputSink } from './output.ts';

export class ConsoleOutput {
  readonly #process: string;
  readonly #crashes: CrashOutput;
  #run: OutputRun | null = null;

  constructor(process: string, sink: OutputSink) {
    this.#process = process;
    this.#crashes = new CrashOutput(sink);
  }

  /** A launch; null for a stream that goes elsewhere. */
  begin(stdout: Readable | null, stderr: Readable | null): void {
    const run = this.#crashes.begin(this.#process);
    this.#run = run;
    const from = (readable: Readable | null, stream: 'stdout' | 'stderr'): Promise<void> | undefined =>
      readable === null
        ? undefined
        : forwardLines(readable, { process: this.#process, stream }, (line) => run.take(line));
    void Promise.all([from(stdout, 'stdout'), from(stderr, 'stderr')]).then(() => run.outputEnded());
  }

  settle(): void {
    this.#run?.settle();
  }

  exited(how: string | null): void {
    this.#run?.exited(how);
  }
}
