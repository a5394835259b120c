// What the launches of one process write, brought to where its plan says: log files, lbproxy's own streams line by line, events, and, of an
// event listener, the protocol it speaks.
import type { Readable } from 'node:stream';
import { rethrowLater } from '../shared/rethrow-later.ts';
import { CrashOutput, type OutputRun } from './crash-output.ts';
import type { EventHub } from './events/event-hub.ts';
import type { ListenerRun } from './events/listener-pool.ts';
import { LastLines } from './logs/last-lines.ts';
import type { LogHooks, LogOwner, ProcessLog, StreamName } from './logs/process-log.ts';
import type { ProgramLogs } from './logs/program-logs.ts';
import { pumpOutput } from './logs/pump.ts';
import { LineSplitter, type OutputSink } from './output.ts';
import type { OutputPlan, ProcessSpec, StreamPlan } from './plan.ts';
import type { RunningProcess } from './process.ts';
import type { OutputListener } from './ready-probe.ts';
import type { SlotOutput } from './slot-host.ts';

export interface OutputPlaces {
  readonly logs: ProgramLogs;
  readonly events: EventHub;
  /** Takes the lines of streams whose target is the console. */
  readonly print: OutputSink;
}

const LAST_WORDS_LINES = 12;
const LOGGED: readonly StreamName[] = ['stdout', 'stderr'];

/** One stream of one launch: its log, and its lines where they are printed. */
class StreamOutput {
  readonly #log: ProcessLog;
  readonly #print: OutputSink;
  readonly #from: { readonly process: string; readonly stream: StreamName };
  #lines: LineSplitter | null = null;
  #held: PromiseLike<void> | undefined;

  constructor(
    log: ProcessLog,
    print: OutputSink,
    from: { process: string; stream: StreamName },
    plan: StreamPlan,
  ) {
    this.#log = log;
    this.#print = print;
    this.#from = from;
    this.#use(plan);
  }

  #use(plan: StreamPlan): void {
    if ((plan.target.kind === 'console') === (this.#lines !== null)) return;
    this.#lines?.flush();
    this.#lines = plan.target.kind === 'console' ? new LineSplitter((text) => this.#line(text)) : null;
  }

  #line(text: string): void {
    const answer = this.#print({ ...this.#from, text });
    if (typeof answer === 'object') this.#held = answer;
  }

  change(plan: StreamPlan): void {
    this.#use(plan);
    this.#log.change(withoutConsole(plan));
  }

  write(chunk: Buffer): void | Promise<void> {
    const logged = this.#log.write(chunk);
    if (this.#lines === null) return logged;
    this.#held = undefined;
    this.#lines.push(chunk);
    const printed = this.#held;
    if (printed === undefined) return logged;
    return Promise.all([logged, Promise.resolve(printed).catch(() => undefined)]).then(() => undefined);
  }

  end(): void {
    this.#lines?.flush();
    this.#log.end();
  }
}

/** What repeats from crash to crash is printed once, for each process: that is done here, and not by the log. */
function withoutConsole(plan: StreamPlan): StreamPlan {
  return plan.target.kind === 'console' ? { ...plan, target: { kind: 'none' } } : plan;
}

export class ProcessOutput implements SlotOutput {
  readonly #owner: LogOwner;
  readonly #places: OutputPlaces;
  readonly #crashes: CrashOutput;
  readonly #last = new LastLines();
  #plan: OutputPlan;
  #run: OutputRun | null = null;
  #pid = 0;
  readonly #paths = new Map<StreamName, string | null>();
  #onGone: () => void = () => {};
  #streams: readonly (readonly [StreamName, StreamOutput])[] = [];

  constructor(spec: ProcessSpec, places: OutputPlaces) {
    this.#owner = { group: spec.group, program: spec.program, name: spec.launch.name };
    this.#plan = spec.output;
    this.#places = places;
    this.#crashes = new CrashOutput(places.print);
    // Both have their path from now on, whether it ever runs or not.
    for (const stream of LOGGED) this.#logOf(stream);
  }

  begin(running: RunningProcess, onChunk: OutputListener | null): void {
    const run = this.#crashes.begin(this.#owner.name);
    this.#run = run;
    const listener = this.#listen(running);
    const print: OutputSink = (line) => run.take(line);
    const both: (readonly [StreamName, StreamOutput])[] = [];
    const pump = (readable: Readable | null, stream: StreamName): Promise<void> | undefined => {
      if (readable === null) return undefined;
      const output = this.#open(stream, print);
      both.push([stream, output]);
      const isLast = stream === 'stderr' || this.#plan.redirectStderr;
      return pumpOutput(readable, output, (chunk) => {
        if (isLast) this.#last.push(chunk);
        onChunk?.(stream, chunk);
        if (stream === 'stdout') listener?.stdout(chunk);
      });
    };
    const ended = [pump(running.stdout, 'stdout'), pump(running.stderr, 'stderr')];
    this.#streams = both;
    const gone = new Promise<void>((resolve) => {
      this.#onGone = resolve;
    });
    // What fails in the printing of its last words is no reason to leave a listener without its end.
    const outputEnded = Promise.all(ended)
      .then(() => run.outputEnded())
      .catch(rethrowLater);
    // An answer may still have been in the pipe, and its new state is told first.
    void Promise.all([outputEnded, gone]).then(() => listener?.ended());
  }

  #open(stream: StreamName, print: OutputSink): StreamOutput {
    const plan = this.#plan[stream];
    const log = this.#places.logs.open(this.#owner, stream, withoutConsole(plan), this.#hooks(stream));
    return new StreamOutput(log, print, { process: this.#owner.name, stream }, plan);
  }

  #hooks(stream: StreamName): LogHooks {
    const { events } = this.#places;
    // Supervisor's events name a process that has no pid any more as well.
    const from = { group: this.#owner.group, name: this.#owner.name, pid: this.#pid };
    return {
      onCaptured: (_owner, _stream, text) => events.communication({ ...from, pid: this.#pid }, stream, text),
      onOutput: (_owner, _stream, piece) => events.output({ ...from, pid: this.#pid }, stream, piece),
    };
  }

  #listen(running: RunningProcess): ListenerRun | undefined {
    this.#pid = running.pid ?? 0;
    const { group, name } = this.#owner;
    return this.#places.events.launched(group, name, (bytes) => running.write(bytes));
  }

  gone(): void {
    this.#onGone();
  }

  change(plan: OutputPlan): void {
    this.#plan = plan;
    this.#paths.clear();
    for (const [stream, output] of this.#streams) output.change(plan[stream]);
  }

  settle(): void {
    this.#run?.settle();
  }

  exited(how: string | null): void {
    this.#run?.exited(how);
  }

  get stdoutLog(): string | null {
    return this.#logOf('stdout');
  }

  get stderrLog(): string | null {
    return this.#plan.redirectStderr ? null : this.#logOf('stderr');
  }

  /** Makes an AUTO log where there is none yet. Asked for with every look at the process: the file system is asked once. */
  #logOf(stream: StreamName): string | null {
    const plan = this.#plan[stream];
    if (plan.target.kind === 'file') return plan.target.shown ?? plan.target.path;
    const known = this.#paths.get(stream);
    if (known !== undefined) return known;
    const path = this.#places.logs.pathOf(this.#owner, stream, plan);
    this.#paths.set(stream, path);
    return path;
  }

  lastWords(): string {
    return this.#last.lines(LAST_WORDS_LINES).join('\n');
  }

  async clear(): Promise<void> {
    for (const path of [this.stdoutLog, this.stderrLog])
      if (path !== null) await this.#places.logs.clear(path, false);
  }
}
