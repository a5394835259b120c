// An acceptor process: compiles what the primary sends, serves it, tells what it did with the groups. Holds no configuration of its own.
import cluster from 'node:cluster';
import type { GroupListener } from '../balance/group.ts';
import { CompileError, compileRuntime, type Runtime } from '../compile.ts';
import { Listener } from '../listen/listener.ts';
import { LogFiles } from '../observe/log-files.ts';
import { systemClock } from '../shared/clock.ts';
import { DeltaCollector } from './delta-collector.ts';
import { applyStates } from './group-hub.ts';
import type { FromAcceptor, GroupState, ToAcceptor } from './messages.ts';
import { RuntimeLogs } from './runtime-logs.ts';
import { ROTATION_FD, SharedRotation } from './shared-rotation.ts';
import { listenOn } from './sockets.ts';

const HEARTBEAT_MS = 1000;
/** When the primary is gone nobody else would end what takes too long. */
const ORPHAN_DRAIN_MS = 5000;

type Prepare = Extract<ToAcceptor, { type: 'prepare' }>;

export class Acceptor {
  #runtime: Runtime | null = null;
  #prepared: { generation: number; runtime: Runtime; logs: RuntimeLogs; shared: boolean } | null = null;
  readonly #listeners = new Map<string, Listener>();
  /** Sockets that came and no listener has taken yet. */
  readonly #sockets = new Map<string, unknown>();
  readonly #logFiles = new LogFiles();
  #logs: RuntimeLogs | null = null;
  readonly #rotation = new SharedRotation(ROTATION_FD);
  readonly #collector: DeltaCollector;
  #draining = false;

  constructor() {
    this.#collector = new DeltaCollector((deltas) => this.#send({ type: 'delta', deltas }), this.#rotation);
  }

  start(): void {
    // Otherwise node:cluster exits the moment the primary is gone, with all that is under way.
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
    process.on('message', (message: ToAcceptor, handle: unknown) => this.#onMessage(message, handle));
    process.on('disconnect', () => this.#drain(ORPHAN_DRAIN_MS));
    // The terminal sends these to the whole group; the primary says what they mean.
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const)
      process.on(signal, () => {});
    process.on('SIGQUIT', () => this.#drain(0));
    process.on('SIGTERM', () => this.#exit());
    process.on('uncaughtException', (error) => this.#onBug(error));
    process.on('unhandledRejection', (error) => this.#onBug(error));
    process.on('exit', () => this.#logFiles.flushAllSync());
    setInterval(() => this.#send({ type: 'alive' }), HEARTBEAT_MS).unref();
    this.#send({ type: 'ready' });
  }

  #send(message: FromAcceptor): void {
    // The channel closes when the primary dies: 'disconnect' is the answer to that.
    if (process.connected) process.send?.(message, () => {});
  }

  /** An error that nobody expected concerns one exchange at most: it is told, and the rest goes on. */
  #onBug(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (this.#logs !== null) this.#logs.main.crit(`unexpected error: ${text}`);
    else process.stderr.write(`${text}\n`);
  }

  #onMessage(message: ToAcceptor, handle: unknown): void {
    switch (message.type) {
      case 'socket':
        this.#sockets.set(message.identity, handle);
        return;
      case 'prepare':
        return this.#prepare(message);
      case 'commit':
        void this.#commit(message.generation, message.states);
        return;
      case 'discard':
        this.#prepared = null;
        this.#closeSpareSockets();
        return;
      case 'discovery':
        this.#runtime?.upstreams.discover(message.discovery);
        this.#prepared?.runtime.upstreams.discover(message.discovery);
        return;
      case 'delta': {
        const now = systemClock.now();
        for (const delta of message.deltas) this.#runtime?.upstreams.byId(delta.id)?.group.apply(delta, now);
        return;
      }
      case 'reopen':
        this.#logFiles.reopenAll();
        return;
      case 'drain':
        return this.#drain(message.timeoutMs);
      case 'stop':
        this.#exit();
    }
  }

  #prepare(message: Prepare): void {
    const { generation, model, discovery, tls, shared } = message;
    try {
      const logs = new RuntimeLogs(model, this.#logFiles);
      const listener: GroupListener | null = shared ? this.#collector : null;
      const runtime = compileRuntime(model, {
        previous: this.#runtime,
        discovery,
        groupListener: listener,
        tls: { selfSigned: tls.selfSigned, ticketKeys: Buffer.from(tls.ticketKeys, 'base64') },
        logFiles: this.#logFiles,
        log: logs,
      });
      this.#prepared = { generation, runtime, logs, shared };
      this.#send({ type: 'prepared', generation, problem: null });
    } catch (error) {
      const at = error instanceof CompileError ? error.at : '';
      const text = error instanceof Error ? error.message : String(error);
      this.#send({ type: 'prepared', generation, problem: { at, message: text } });
    }
  }

  async #commit(generation: number, states: readonly GroupState[]): Promise<void> {
    const prepared = this.#prepared;
    if (prepared === null || prepared.generation !== generation) return;
    const before = this.#runtime;
    this.#prepared = null;
    this.#runtime = prepared.runtime;
    this.#logs = prepared.logs;
    prepared.logs.use();
    this.#share(prepared.runtime, prepared.shared);
    if (before === null) applyStates(prepared.runtime.upstreams, states);
    let problem: string | null = null;
    try {
      await this.#serve(prepared.runtime);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    before?.upstreams.retire(prepared.runtime.upstreams);
    this.#logFiles.retire();
    this.#send({ type: 'committed', generation, problem });
  }

  /** Groups that a reload kept may have had no one to share with before, or have no one now. */
  #share({ upstreams }: Runtime, shared: boolean): void {
    const groups = [...upstreams.all].map((upstream) => upstream.group);
    for (const group of groups) group.listener = shared ? this.#collector : null;
    this.#rotation.use(groups);
  }

  /** Makes the listeners what the runtime says: those that stay switch plans, new ones open, others drain. */
  async #serve(runtime: Runtime): Promise<void> {
    const opening: Promise<void>[] = [];
    for (const [key, plan] of runtime.listeners) {
      const present = this.#listeners.get(key);
      if (present?.accepts(plan)) {
        present.update(plan);
        continue;
      }
      if (present !== undefined) void present.drain();
      const listener = new Listener(plan);
      this.#listeners.set(key, listener);
      const identity = listenerIdentity(key, plan.secure !== null);
      const handle = this.#sockets.get(identity);
      opening.push(
        listener.listen(
          handle === undefined ? undefined : (server, backlog) => listenOn(server, handle, backlog),
        ),
      );
      this.#sockets.delete(identity);
    }
    for (const [key, listener] of this.#listeners) {
      if (runtime.listeners.has(key)) continue;
      this.#listeners.delete(key);
      void listener.drain();
    }
    await Promise.all(opening);
  }

  /** Sockets of a configuration that was refused: the address may come again with another socket. */
  #closeSpareSockets(): void {
    for (const handle of this.#sockets.values()) (handle as { close(): void } | undefined)?.close();
    this.#sockets.clear();
  }

  #drain(timeoutMs: number): void {
    if (this.#draining) return;
    this.#draining = true;
    if (timeoutMs > 0) setTimeout(() => this.#exit(), timeoutMs);
    void Promise.all([...this.#listeners.values()].map((listener) => listener.drain())).then(() =>
      this.#exit(),
    );
  }

  #exit(): void {
    this.#collector.flush();
    void this.#logFiles.flushAll(1000).then(() => process.exit(0));
    setTimeout(() => process.exit(0), 1500);
  }
}

/** A socket of the primary belongs to one listener of an acceptor: another one for the same address needs its own. */
export function listenerIdentity(key: string, secure: boolean): string {
  return secure ? `${key} ssl` : key;
}
