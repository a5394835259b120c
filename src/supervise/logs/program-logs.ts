// All logs of programs: opens one per process and stream, and has one writer per path for them.
import { resolve as absolute } from 'node:path';
import { Timer } from '../../shared/timer.ts';
import type { OutputSink } from '../output.ts';
import type { StreamPlan } from '../plan.ts';
import { makeAutoLog, removeAutoLogs } from './auto-logs.ts';
import { GzipFiles } from './gzip-files.ts';
import { NEW_FILE_MODE, placeOf } from './log-place.ts';
import { PathWriter } from './path-writer.ts';
import {
  type FileTarget,
  type LogHooks,
  type LogOwner,
  type LogTargets,
  ProcessLog,
  type StreamName,
} from './process-log.ts';
import { emptyFile, removeFiles, rotatedFiles } from './rotated-files.ts';
import { Syslog } from './syslog.ts';

export interface ProgramLogsOptions {
  readonly childLogDirectory: string;
  readonly identifier: string;
  /** Takes the lines of streams whose target is the console. */
  readonly print: OutputSink;
  /** Hears of what goes wrong: a full disk, a directory that is gone. Never the same thing more than once a minute. */
  readonly report: (message: string) => void;
  /** Before the messages in the system's log. */
  readonly syslogTag?: string;
  readonly syslogCommand?: readonly string[];
  /** Wall clock, for rotation at midnight. */
  readonly nowMs?: () => number;
  /** How long a log that takes nothing holds its processes back before what they print is dropped. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 5000;
/** A machine that sleeps, or whose clock is set, sees midnight at most this much later; what is printed sees it at once. */
const DAY_CHECK_MS = 30_000;
const AUTO_FILE_MODE = 0o600;

export class ProgramLogs {
  readonly #options: ProgramLogsOptions;
  readonly #writers = new Map<string, PathWriter>();
  readonly #logs = new Set<ProcessLog>();
  readonly #autoPaths = new Map<string, string>();
  readonly #gzip: GzipFiles;
  #syslog: Syslog | null = null;
  #dayCheck: Timer | null = null;
  #closed = false;
  /** Problems of AUTO logs that have been told. */
  readonly #told = new Set<string>();

  constructor(options: ProgramLogsOptions) {
    this.#options = options;
    this.#gzip = new GzipFiles(options.report, (writer) => this.#closeIfIdle(writer));
  }

  /** The log of a stream from a launch on. Never throws: what cannot be opened is reported and tried again. */
  open(owner: LogOwner, stream: StreamName, plan: StreamPlan, hooks: LogHooks = {}): ProcessLog {
    const log = new ProcessLog(
      { owner, stream, hooks },
      plan,
      (wanted) => this.#targetsOf(owner, stream, wanted),
      (ended) => this.#logs.delete(ended),
    );
    this.#logs.add(log);
    return log;
  }

  /** The file that can be read for a stream, whether its process runs or not; makes that of an AUTO log. */
  pathOf(owner: LogOwner, stream: StreamName, plan: StreamPlan): string | null {
    const { target } = plan;
    if (target.kind === 'file') return placeOf(target.path).isFile ? target.path : null;
    return target.kind === 'auto' ? this.#autoPath(owner, stream) : null;
  }

  /** After somebody moved the files: later output goes to new ones of the same names. Gives what did not open. */
  reopenAll(): string[] {
    return [...this.#writers.values()].flatMap((writer) => writer.reopen() ?? []);
  }

  /**
   * Empties a log. As with Supervisor's clearProcessLogs its rotated files stay, unless `withRotated`. Does nothing where the path is no
   * file; rejects with the reason.
   */
  async clear(path: string, withRotated = false): Promise<void> {
    const place = placeOf(path);
    if (!place.isFile) return;
    const writer = this.#writers.get(place.key);
    if (writer !== undefined) return writer.clear(withRotated);
    await emptyFile(place.key);
    if (withRotated) await removeFiles(await rotatedFiles(place.key));
  }

  /** Resolves with true once everything that waits is written, with false after `timeoutMs`. */
  async flushAll(timeoutMs: number): Promise<boolean> {
    const all = Promise.all([
      ...[...this.#writers.values()].map((writer) => writer.flush()),
      this.#syslog?.flush(),
    ]);
    let timer: Timer | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = new Timer(() => resolve(false), timeoutMs);
    });
    const flushed = await Promise.race([all.then(() => true), late]);
    timer?.stop();
    return flushed;
  }

  /** For the end of lbproxy, after `flushAll`: what still waits is lost, and told. */
  closeAll(): void {
    this.#closed = true;
    for (const log of [...this.#logs]) log.end();
    for (const writer of this.#writers.values()) writer.close();
    this.#writers.clear();
    this.#gzip.close();
    this.#syslog?.close();
    this.#dayCheck?.stop();
  }

  /** Removes AUTO logs of an earlier run. To be called at the start, unless they are to stay. */
  cleanAutoLogs(directory = this.#options.childLogDirectory, identifier = this.#options.identifier): void {
    const inUse = new Set(this.#autoPaths.values());
    for (const problem of removeAutoLogs(directory, identifier, inUse)) this.#options.report(problem);
  }

  /** Rotates what is of yesterday. Called by itself now and then while a log wants it. */
  checkDay(): void {
    for (const writer of this.#writers.values()) writer.checkDay();
  }

  #targetsOf(
    owner: LogOwner,
    stream: StreamName,
    plan: StreamPlan,
  ): LogTargets & { readonly path: string | null } {
    const syslog = plan.syslog ? this.#syslogFor(owner) : null;
    const { target } = plan;
    if (target.kind === 'console') return { path: null, file: null, print: this.#options.print, syslog };
    const path = target.kind === 'file' ? absolute(target.path) : null;
    const auto = target.kind === 'auto' ? this.#autoPath(owner, stream) : null;
    const wanted = path ?? auto;
    if (wanted === null || this.#closed) return { path: null, file: null, print: null, syslog };
    const writer = this.#writerOf(wanted);
    const file = this.#attach(writer, plan, auto === null ? NEW_FILE_MODE : AUTO_FILE_MODE);
    return { path: writer.place.isFile ? wanted : null, file, print: null, syslog };
  }

  #attach(writer: PathWriter, plan: StreamPlan, mode: number): FileTarget {
    const stream = writer.attach(plan, mode);
    this.#adopt(writer);
    return {
      write: (chunk) => writer.write(stream, chunk),
      change: (changed) => {
        writer.change(stream, changed);
        this.#adopt(writer);
      },
      detach: () => writer.detach(stream),
    };
  }

  /** A writer's rotation may have changed: what a run before left ungzipped is gzipped, and midnight is watched. */
  #adopt(writer: PathWriter): void {
    const { gzip, daily } = writer.rotation;
    if (gzip && writer.place.isFile) this.#gzip.add(writer);
    if (daily && this.#dayCheck === null) this.#watchDay();
  }

  #watchDay(): void {
    this.#dayCheck = new Timer(() => {
      this.#dayCheck = null;
      this.checkDay();
      if ([...this.#writers.values()].some((writer) => writer.rotation.daily)) this.#watchDay();
    }, DAY_CHECK_MS).unref();
  }

  #writerOf(path: string): PathWriter {
    const place = placeOf(path);
    const known = this.#writers.get(place.key);
    if (known !== undefined) return known;
    const writer = new PathWriter(place, {
      report: this.#options.report,
      nowMs: this.#options.nowMs ?? Date.now,
      patienceMs: this.#options.patienceMs ?? PATIENCE_MS,
      rotated: (rotated) => this.#gzip.add(rotated),
      idle: (idle) => this.#closeIfIdle(idle),
    });
    this.#writers.set(place.key, writer);
    return writer;
  }

  #closeIfIdle(writer: PathWriter): void {
    if (!writer.isIdle || this.#gzip.isBusyWith(writer)) return;
    writer.close();
    if (this.#writers.get(writer.place.key) === writer) this.#writers.delete(writer.place.key);
  }

  #autoPath(owner: LogOwner, stream: StreamName): string | null {
    const key = `${owner.group}:${owner.name} ${stream}`;
    const known = this.#autoPaths.get(key);
    if (known !== undefined) return known;
    const { childLogDirectory: directory, identifier } = this.#options;
    try {
      const path = makeAutoLog({ directory, identifier, process: owner.name, stream });
      this.#autoPaths.set(key, path);
      return path;
    } catch (error) {
      this.#tellOnce(key, `${(error as Error).message}; the ${stream} of ${owner.name} is not kept`);
      return null;
    }
  }

  #tellOnce(key: string, message: string): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#options.report(message);
  }

  #syslogFor(owner: LogOwner): (line: string) => void {
    const { report, syslogTag: tag = 'lbproxy', syslogCommand: command } = this.#options;
    this.#syslog ??= new Syslog({ report, tag, command });
    const syslog = this.#syslog;
    return (line) => syslog.send(`${owner.name} ${line}`);
  }
}
