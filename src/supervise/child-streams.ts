// The three streams of a child process: pipes where the system has them (stdio-pipes.ts), else what Node makes.
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { PipeEnds, PipeSource } from './stdio-pipes.ts';

/** Our ends. */
export interface ChildStreams {
  /** null where a descriptor was given to it. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  /** null where it goes with stdout. */
  readonly stderr: Readable | null;
  /** Grows with what is read. */
  readonly progress: number;
  /** Something that came waits for whoever takes it. */
  readonly isHeld: boolean;
  destroy(): void;
}

/** What spawn is told, before there is a child. */
export interface StreamPlaces {
  readonly stdio: StdioOptions;
  /** Once there is a child: its ends are closed here. */
  of(child: ChildProcess): ChildStreams;
  /** There is none. */
  abandon(): void;
}

interface Wanted {
  readonly pipes: PipeSource;
  readonly stdin: number | null;
  readonly redirectStderr: boolean;
}

/** Throws where descriptors are used up. `uid` may open the streams anew (/dev/stdout). */
export function openStreams({ pipes, stdin, redirectStderr }: Wanted, uid: number | null): StreamPlaces {
  const opened: PipeEnds[] = [];
  const keep = (pipe: PipeEnds | null): PipeEnds | null => {
    if (pipe !== null) opened.push(pipe);
    return pipe;
  };
  const abandon = (): void => {
    for (const { ours, child } of opened) {
      closeSync(ours);
      closeSync(child);
    }
  };
  try {
    const input = stdin === null ? keep(pipes.input(uid)) : null;
    const output = keep(pipes.output(uid));
    const errors = redirectStderr && output !== null ? output : keep(pipes.output(uid));
    const ends = { input, output, errors: errors === output ? null : errors };
    return {
      stdio: [stdin ?? input?.child ?? 'pipe', output?.child ?? 'pipe', errors?.child ?? 'pipe'],
      of: (child) => {
        for (const pipe of opened) closeSync(pipe.child);
        return streamsOf(child, ends);
      },
      abandon,
    };
  } catch (error) {
    abandon();
    throw error;
  }
}

interface Ends {
  readonly input: PipeEnds | null;
  readonly output: PipeEnds | null;
  readonly errors: PipeEnds | null;
}

function streamsOf(child: ChildProcess, { input, output, errors }: Ends): ChildStreams {
  const stdin =
    input === null ? child.stdin : new Socket({ fd: input.ours, readable: false, writable: true });
  const stdout = output === null ? child.stdout : reader(output);
  const stderr = errors === null ? (output === null ? child.stderr : null) : reader(errors);
  const all = [stdin, stdout, stderr];
  // EPIPE of a child that closed its stdin, and what a broken pipe may say: its end is known by its exit.
  for (const stream of all) stream?.on('error', () => undefined);
  const outputs = [stdout, stderr].filter((stream) => stream instanceof Socket);
  return {
    stdin,
    stdout,
    stderr,
    get progress() {
      return outputs.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    },
    get isHeld() {
      return outputs.some((stream) => stream.isPaused() && !stream.destroyed);
    },
    destroy: () => {
      for (const stream of all) stream?.destroy();
    },
  };
}

function reader({ ours }: PipeEnds): Socket {
  return new Socket({ fd: ours, readable: true, writable: false });
}
