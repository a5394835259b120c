// One stream of one process: tokens and escape sequences are taken out, and what is left goes to its file, the console, syslog, events.

import { LineSplitter, type OutputSink } from '../output.ts';
import type { StreamPlan } from '../plan.ts';
import { CaptureBuffer, TokenScanner } from './capture.ts';
import { EscapeStripper } from './strip-escapes.ts';

export interface LogOwner {
  readonly group: string;
  readonly program: string;
  readonly name: string;
}

export type StreamName = 'stdout' | 'stderr';

export interface LogHooks {
  /** What was said between the tokens, whole, at its END. */
  readonly onCaptured?: (owner: LogOwner, stream: StreamName, text: Buffer) => void;
  /** Each piece of output where the plan asks for `events`, captured ones too. */
  readonly onOutput?: (owner: LogOwner, stream: StreamName, piece: Buffer) => void;
}

/** Where the bytes go; made by ProgramLogs. */
export interface LogTargets {
  /** null for none. */
  readonly file: FileTarget | null;
  readonly print: OutputSink | null;
  readonly syslog: ((line: string) => void) | null;
}

export interface FileTarget {
  write(chunk: Buffer): void | Promise<void>;
  /** The other rotation holds from now on. */
  change(plan: StreamPlan): void;
  detach(): void;
}

export class ProcessLog {
  /** The file that can be read; null where there is none: no log, the console, a device. */
  path: string | null = null;
  readonly #owner: LogOwner;
  readonly #stream: StreamName;
  readonly #hooks: LogHooks;
  #plan: StreamPlan;
  readonly #targetsOf: (plan: StreamPlan) => LogTargets & { readonly path: string | null };
  #targets: LogTargets = { file: null, print: null, syslog: null };
  #scanner: TokenScanner | null = null;
  #captured: CaptureBuffer | null = null;
  #stripper: EscapeStripper | null = null;
  #printed: LineSplitter | null = null;
  #logged: LineSplitter | null = null;
  /** What the targets asked to wait for while the present chunk was given to them. */
  #holds: Promise<void>[] = [];
  #ended = false;
  readonly #onEnd: (log: ProcessLog) => void;

  constructor(
    from: { readonly owner: LogOwner; readonly stream: StreamName; readonly hooks: LogHooks },
    plan: StreamPlan,
    targetsOf: (plan: StreamPlan) => LogTargets & { readonly path: string | null },
    onEnd: (log: ProcessLog) => void,
  ) {
    this.#owner = from.owner;
    this.#stream = from.stream;
    this.#hooks = from.hooks;
    this.#plan = plan;
    this.#targetsOf = targetsOf;
    this.#onEnd = onEnd;
    this.#setUp(plan);
  }

  /** A promise holds the stream back until it settles; it never rejects. After `end` nothing is taken. */
  write(chunk: Buffer): void | Promise<void> {
    if (this.#ended || chunk.length === 0) return;
    if (this.#scanner === null) this.#take(chunk, false);
    else this.#scanner.push(chunk);
    if (this.#holds.length === 0) return;
    const holds = this.#holds;
    this.#holds = [];
    return holds.length === 1 ? holds[0] : Promise.all(holds).then(() => undefined);
  }

  /** The process prints no more; its unfinished line is given out. */
  end(): void {
    if (this.#ended) return;
    this.#finish();
    this.#ended = true;
    this.#onEnd(this);
  }

  /** The plan has changed while the process runs on. */
  change(plan: StreamPlan): void {
    if (this.#ended) return;
    const before = this.#plan;
    this.#plan = plan;
    if (sameButRotation(before, plan)) {
      this.#targets.file?.change(plan);
      return;
    }
    this.#finish();
    this.#setUp(plan);
  }

  #setUp(plan: StreamPlan): void {
    const { path, ...targets } = this.#targetsOf(plan);
    this.path = path;
    this.#targets = targets;
    const { print, syslog } = targets;
    const from = { process: this.#owner.name, stream: this.#stream };
    this.#printed =
      print === null ? null : new LineSplitter((text) => this.#hold(settled(print({ ...from, text }))));
    this.#logged = syslog === null ? null : new LineSplitter(syslog);
    this.#stripper = plan.stripAnsi ? new EscapeStripper() : null;
    const captured = plan.captureMaxBytes > 0 ? new CaptureBuffer(plan.captureMaxBytes) : null;
    this.#captured = captured;
    this.#scanner =
      captured === null
        ? null
        : new TokenScanner(
            (piece, isCaptured) => this.#take(piece, isCaptured),
            () => this.#hooks.onCaptured?.(this.#owner, this.#stream, captured.take()),
          );
  }

  #finish(): void {
    this.#scanner?.end();
    const rest = this.#stripper?.end();
    if (rest !== undefined) this.#give(rest, false);
    this.#printed?.flush();
    this.#logged?.flush();
    this.#targets.file?.detach();
    this.#holds = [];
  }

  #take(piece: Buffer, isCaptured: boolean): void {
    this.#give(this.#stripper === null ? piece : this.#stripper.push(piece), isCaptured);
  }

  #give(piece: Buffer, isCaptured: boolean): void {
    if (piece.length === 0) return;
    if (isCaptured) {
      this.#captured?.push(piece);
    } else {
      const held = this.#targets.file?.write(piece);
      if (held !== undefined) this.#hold(held);
      this.#printed?.push(piece);
      this.#logged?.push(piece);
    }
    if (this.#plan.events) this.#hooks.onOutput?.(this.#owner, this.#stream, piece);
  }

  #hold(answer: Promise<void> | undefined): void {
    // Lines of one chunk are held back by the last of them.
    if (answer !== undefined) this.#holds[this.#holds.length > 1 ? 1 : this.#holds.length] = answer;
  }
}

function settled(answer: ReturnType<OutputSink>): Promise<void> | undefined {
  if (typeof answer !== 'object') return undefined;
  return Promise.resolve(answer).catch(() => undefined);
}

function sameButRotation(a: StreamPlan, b: StreamPlan): boolean {
  return (
    a.target.kind === b.target.kind &&
    (a.target.kind !== 'file' || b.target.kind !== 'file' || a.target.path === b.target.path) &&
    a.syslog === b.syslog &&
    a.captureMaxBytes === b.captureMaxBytes &&
    a.stripAnsi === b.stripAnsi
  );
}
