// An acceptor process: compiles what the primary sends, serves it, tells what it did with the groups. Holds no configuration of its own.
import cluster from 'node:cluster';
import type { Group } from '../balance/group.ts';
import { CompileError, compileRuntime, type Runtime } from '../compile.ts';
import type { Model, Settings } from '../config/model.ts';
import { ModelReader } from '../config/model-wire.ts';
import { liveFaults } from '../features/faults/live-faults.ts';
import { Listener } from '../listen/listener.ts';
import type { LeafSource } from '../local-ca/leaf.ts';
import { LeafAsker } from '../local-ca/leaf-asker.ts';
import type { Log } from '../observe/error-log.ts';
import { loadPinoLater } from '../observe/lazy-pino.ts';
import { LogFiles } from '../observe/log-files.ts';
import { requestTally } from '../observe/request-tally.ts';
import { keepCode } from '../shared/code-cache.ts';
import { Timer } from '../shared/timer.ts';
import { settleYoungObjects } from '../shared/young-objects.ts';
import { TicketKeys } from '../socket/ticket-keys.ts';
import { NOTHING_DISCOVERED } from '../upstream/discovery.ts';
import { AcceptorInspector } from './acceptor-inspector.ts';
import { applyStates } from './group-hub.ts';
import { AcceptorSharing } from './group-sharing.ts';
import { listenerIdentity } from './listener-identity.ts';
import type { FromAcceptor, SharedState, ToAcceptor } from './messages.ts';
import { PeerDrain } from './peer-drain.ts';
import { becomeUser, changesUser } from './privileges.ts';
import { QuietMemory } from './quiet-memory.ts';
import { RuntimeLogs } from './runtime-logs.ts';
import { LOG_FDS } from './shared-log.ts';
import { asksForPopulation, SharedPopulation } from './shared-population.ts';
import { ROTATION_FD, SharedRotation } from './shared-rotation.ts';
import { SESSIONS_FD, SharedSessions } from './shared-sessions.ts';
import { listenOn } from './sockets.ts';
import { logWarnings } from './survival.ts';
import { TrafficTeller } from './traffic-teller.ts';

const HEARTBEAT_MS = 1000;
/** When the primary is gone nobody else would end what takes too long. */
const ORPHAN_DRAIN_MS = 5000;
/** Takes some 20 ms, at the first start of a version. */
const KEEP_CODE_MS = 2000;

type Prepare = Extract<ToAcceptor, { type: 'prepare' }>;

/** A configuration that was compiled, and does not hold yet. */
interface Prepared {
  readonly generation: number;
  readonly runtime: Runtime;
  readonly logs: RuntimeLogs;
  readonly shared: boolean;
  readonly counted: boolean;
  readonly counting: boolean;
}

export class Acceptor {
  #runtime: Runtime | null = null;
  #prepared: Prepared | null = null;
  /** A Model that comes in, piece by piece. */
  #incoming: {
    readonly generation: number;
    readonly reader: ModelReader;
    pieces: number;
    counted: boolean;
  } | null = null;
  /** The last that was told, also while a configuration is being compiled. */
  #discovery = NOTHING_DISCOVERED;
  readonly #listeners = new Map<string, Listener>();
  /** Listeners of addresses that were closed, while somebody is still served on them. */
  readonly #closing = new Set<Listener>();
  /** Sockets that came and no listener has taken yet. */
  readonly #sockets = new Map<string, unknown>();
  readonly #logFiles = new LogFiles();
  /** Of all configurations: what a reload changes is not the clients' sessions. */
  readonly #ticketKeys = new TicketKeys([]);
  readonly #sessions = new SharedSessions(SESSIONS_FD);
  readonly #population = new SharedPopulation(ROTATION_FD, cluster.worker?.id ?? 1);
  readonly #inspector = new AcceptorInspector();
  readonly #quietMemory = new QuietMemory();
  readonly #traffic = new TrafficTeller(
    (message) => this.#send(message),
    () => (this.#runtime === null ? [] : groupsOf(this.#runtime)),
  );
  #logs: RuntimeLogs | null = null;
  readonly #sharing: AcceptorSharing;
  #draining = false;
  readonly #peerDrain = new PeerDrain(
    (see) => {
      for (const listener of this.#allListeners()) listener.eachExchange(see);
    },
    (message) => this.#send(message),
  );

  readonly #leaves = new LeafAsker((id, wanted) => this.#send({ type: 'leaf', id, wanted }));
  readonly #askLeaf: LeafSource = (wanted) => this.#leaves.ask(wanted);

  constructor() {
    this.#sharing = new AcceptorSharing(cluster.worker?.id ?? 1, new SharedRotation(ROTATION_FD), LOG_FDS, {
      onFull: (segment) => this.#send({ type: 'log-full', segment }),
      onSwitched: (segment) => this.#send({ type: 'log-switched', segment }),
    });
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
    logWarnings((message) => {
      if (this.#logs !== null) this.#logs.main.warn(message);
    });
    process.on('exit', () => {
      this.#population.write();
      this.#logFiles.flushAllSync();
    });
    setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    this.#send({ type: 'ready' });
  }

  #beat(): void {
    this.#quietMemory.beat();
    this.#sayAlive();
  }

  #sayAlive(): void {
    if (!this.#draining) return this.#send({ type: 'alive' });
    const waits = { exchanges: 0, tunnels: 0 };
    for (const listener of this.#allListeners()) {
      const { exchanges, tunnels } = listener.busy;
      waits.exchanges += exchanges;
      waits.tunnels += tunnels;
    }
    this.#send({ type: 'draining', waits });
  }

  #allListeners(): Listener[] {
    return [...this.#listeners.values(), ...this.#closing];
  }

  #send(message: FromAcceptor): void {
    // The channel closes when the primary dies: 'disconnect' is the answer to that.
    if (process.connected) process.send?.(message, () => {});
  }

  /** An error that nobody expected concerns one exchange at most: it is told, and the rest goes on. */
  #onBug(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (this.#logs !== null) this.#logs.main.crit(`unexpected error: ${text}`);
    else this.#logFiles.print('stderr', text);
  }

  #onMessage(message: ToAcceptor, handle: unknown): void {
    switch (message.type) {
      case 'socket':
        this.#sockets.set(message.identity, handle);
        return;
      case 'piece':
        return this.#take(message.generation, message.text);
      case 'prepare':
        this.#useTicketKeys(message.ticketKeys);
        void this.#prepare(message);
        return;
      case 'ticket-keys':
        return this.#useTicketKeys(message.keys);
      case 'commit':
        void this.#commit(message.generation, message.state);
        return;
      case 'discard':
        this.#discard();
        return;
      case 'discovery':
        this.#discovery = message.discovery;
        this.#runtime?.upstreams.discover(message.discovery);
        this.#prepared?.runtime.upstreams.discover(message.discovery);
        // Groups that nobody chooses from yet do not say that their peers are others.
        if (this.#prepared?.shared) this.#sharing.prepare(groupsOf(this.#prepared.runtime));
        return;
      case 'drain-peer':
      case 'drain-stop':
      case 'count':
        return this.#peerDrain.take(message);
      case 'ask':
        void this.#inspector.answer(message, (answer) => this.#send(answer));
        return;
      case 'faults':
        return liveFaults.use(message.faults);
      case 'leaf':
        return this.#leaves.answer(message.id, message.leaf);
      case 'traffic-now':
      case 'scraped':
        return this.#traffic.take(message);
      case 'log-sealed':
        this.#sharing.catchUp();
        return;
      case 'reopen':
        this.#send({
          type: 'reopened',
          generation: message.generation,
          problems: this.#logFiles.reopenAll(),
        });
        return;
      case 'drain':
        return this.#drain(message.timeoutMs);
      case 'stop':
        this.#exit();
    }
  }

  #useTicketKeys(keys: readonly string[]): void {
    this.#ticketKeys.use(keys.map((key) => Buffer.from(key, 'base64')));
  }

  #take(generation: number, piece: string): void {
    if (this.#incoming?.generation !== generation)
      this.#incoming = { generation, reader: new ModelReader(), pieces: 0, counted: false };
    this.#incoming.reader.take(piece);
    this.#incoming.counted ||= asksForPopulation(piece);
    // Of a small configuration there is one; and before the first nobody is served.
    if (this.#incoming.pieces++ > 0 && this.#runtime !== null) settleYoungObjects();
    this.#send({ type: 'more', generation });
  }

  /** The Model that came before this message. */
  #received(generation: number): Model {
    const incoming = this.#incoming;
    this.#incoming = null;
    if (incoming?.generation !== generation) throw new Error('the configuration did not arrive');
    return incoming.reader.model;
  }

  async #prepare(message: Prepare): Promise<void> {
    const { generation, discovery, tls, shared, counting } = message;
    this.#discovery = discovery;
    try {
      const counted = this.#incoming?.counted === true;
      const model = this.#received(generation);
      const logs = new RuntimeLogs(model, this.#logFiles);
      const runtime = await compileRuntime(model, {
        previous: this.#runtime,
        discovery,
        tls: { ...tls, ticketKeys: this.#ticketKeys, sessions: this.#sessions, askLeaf: this.#askLeaf },
        logFiles: this.#logFiles,
        log: logs.requests,
        logOf: (errorLog) => logs.of(errorLog),
        tap: this.#inspector.tapFor(model.settings),
        traffic: counting ? this.#traffic.book : null,
      });
      if (this.#discovery !== discovery) runtime.upstreams.discover(this.#discovery);
      // From the first commit on others may speak of its groups.
      if (shared) {
        this.#sharing.prepare(groupsOf(runtime));
        this.#sharing.zones.prepare(runtime.zones);
      }
      this.#prepared = { generation, runtime, logs, shared, counted, counting };
      this.#send({ type: 'prepared', generation, problem: null });
    } catch (error) {
      this.#logFiles.discard();
      this.#inspector.discard();
      const at = error instanceof CompileError ? error.at : '';
      const text = error instanceof Error ? error.message : String(error);
      this.#send({ type: 'prepared', generation, problem: { at, message: text } });
    }
  }

  #discard(): void {
    if (this.#prepared !== null) {
      this.#sharing.discard(groupsOf(this.#prepared.runtime));
      this.#sharing.zones.discard(this.#prepared.runtime.zones);
      this.#prepared.runtime.caches.discard();
    }
    this.#prepared = null;
    this.#incoming = null;
    this.#logFiles.discard();
    this.#inspector.discard();
    this.#closeSpareSockets();
  }

  async #commit(generation: number, state: SharedState): Promise<void> {
    const prepared = this.#prepared;
    if (prepared === null || prepared.generation !== generation) return;
    const before = this.#runtime;
    this.#prepared = null;
    this.#runtime = prepared.runtime;
    this.#logs = prepared.logs;
    let problem: string | null = null;
    try {
      this.#share(prepared, before, state);
      if (before === null) this.#settle(prepared.runtime.model.settings, prepared.logs.main);
      await this.#serve(prepared.runtime);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    // What was sent once more for one that had not opened.
    this.#closeSpareSockets();
    before?.upstreams.retire(prepared.runtime.upstreams);
    before?.caches.retire(prepared.runtime.caches);
    this.#logFiles.retire();
    this.#send({ type: 'committed', generation, problem });
    loadPinoLater();
  }

  /** What acceptors have together, and what goes on over reloads, follows the runtime that holds now. */
  #share(prepared: Prepared, before: Runtime | null, state: SharedState): void {
    prepared.logs.use();
    if (before === null) {
      applyStates(prepared.runtime.upstreams, state.groups);
      this.#sharing.zones.load(prepared.runtime.zones, state.zones);
      this.#sharing.join(groupsOf(prepared.runtime), prepared.shared, state.log);
    } else {
      this.#sharing.use(groupsOf(prepared.runtime), prepared.shared);
      // They were for the configuration before.
      liveFaults.use([]);
    }
    this.#sharing.zones.use(prepared.runtime.zones, prepared.shared);
    this.#population.use(prepared.counted);
    this.#inspector.use(prepared.runtime.model.settings);
    this.#traffic.use(prepared.counting);
  }

  /** As another user it may not write where its code is kept; else there is more to keep once it has served. */
  #settle(settings: Settings, log: Log): void {
    if (changesUser(settings)) keepCode();
    else setTimeout(keepCode, KEEP_CODE_MS).unref();
    becomeUser(settings, log);
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
      if (present !== undefined) this.#close(present);
      const listener = new Listener(plan);
      this.#listeners.set(key, listener);
      const identity = listenerIdentity(key, plan.secure !== null);
      const handle = this.#sockets.get(identity);
      opening.push(
        listener
          .listen(handle === undefined ? undefined : (server, backlog) => listenOn(server, handle, backlog))
          .catch((error: unknown) => {
            // The next configuration that has the address tries again.
            this.#listeners.delete(key);
            throw error;
          }),
      );
      this.#sockets.delete(identity);
    }
    for (const [key, listener] of this.#listeners) {
      if (runtime.listeners.has(key)) continue;
      this.#listeners.delete(key);
      this.#close(listener);
    }
    await Promise.all(opening);
  }

  #close(listener: Listener): void {
    this.#closing.add(listener);
    void listener.drain().then(() => this.#closing.delete(listener));
  }

  /** Sockets of a configuration that was refused: the address may come again with another socket. */
  #closeSpareSockets(): void {
    for (const handle of this.#sockets.values()) (handle as { close(): void } | undefined)?.close();
    this.#sockets.clear();
  }

  #drain(timeoutMs: number): void {
    if (this.#draining) return;
    this.#draining = true;
    if (timeoutMs > 0) new Timer(() => this.#exit(), timeoutMs);
    void Promise.all(this.#allListeners().map((listener) => listener.drain())).then(() => this.#exit());
    this.#sayAlive();
  }

  /** Resolves when it is sent: nothing is known of it but here. */
  #tellTally(): Promise<void> {
    if (requestTally.requests === 0 || !process.connected) return Promise.resolve();
    const message: FromAcceptor = { type: 'tally', counts: requestTally.counts() };
    return new Promise((resolve) => process.send?.(message, () => resolve()));
  }

  #exit(): void {
    this.#traffic.end();
    const spans = this.#runtime?.traces?.exporter.flush();
    const told = Promise.all([this.#logFiles.flushAll(1000), this.#tellTally(), spans]);
    void told.then(() => this.#logFiles.exit(0));
    setTimeout(() => this.#logFiles.exit(0), 1500);
  }
}

function groupsOf({ upstreams }: Runtime): Group[] {
  return [...upstreams.all].map((upstream) => upstream.group);
}
