// What the makers of an answer hear from outside, held back while a test wants it: completions of the file system, look-ups, time, peers,
// subrequests, tickets. Then each comes late, and again.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { vi } from 'vitest';
import { SubRoot } from '../../src/answer/subrequest.ts';
import { TempFile } from '../../src/body/temp-file.ts';
import { Exchange } from '../../src/exchange/exchange.ts';
import { INSTANT, type Source } from '../../src/exchange/flow.ts';
import { passwordChecks } from '../../src/features/auth-basic/password-checks.ts';
import { Pace } from '../../src/forward/buffering/pace.ts';
import { delays } from '../../src/shared/delays.ts';
import { wheel } from '../../src/shared/timer-wheel.ts';
import type { ConnectionOwner, PeerConnection } from '../../src/upstream/connection.ts';
import { NameLookups } from '../../src/upstream/name-lookups.ts';
import { Upstream } from '../../src/upstream/upstream.ts';

/** What a late peer says: an answer, and for a FastCGI app one in records. */
const LATE_TEXT = 'HTTP/1.1 200 OK\r\nX-Late: late\r\nContent-Length: 10\r\n\r\nlate-bytes';
export const LATE = Buffer.from(LATE_TEXT);

interface Held {
  readonly deliver: () => void;
  /** As if it had come twice. */
  readonly again: () => void;
}

/** Methods of owners of a body. */
interface BodyEars {
  onBodyWhole?(): void;
  onBodyMore?(): void;
  onBodyFailed?(failure: string, detail: string): void;
}

type Callback = (...result: unknown[]) => void;
type Call = (...args: unknown[]) => unknown;

const FS_CALLS = ['open', 'stat', 'fstat', 'read', 'readFile', 'readdir'] as const;
/** A second word about a descriptor would hand it to two, and each would close it. */
const ONCE: ReadonlySet<string> = new Set(['fstat', 'realpath']);

export class LateCalls {
  /** Names of the classes that took part. */
  readonly seen = new Set<string>();
  exchange: Exchange | null = null;
  readonly held: Held[] = [];
  /** Completions there were. */
  completions = 0;
  /** Somebody waits for time, or for a peer. */
  waits = 0;
  #recording = false;
  #holdFrom = 0;
  readonly #late: (() => void)[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #makers = new Set<Source>();
  readonly #connections = new Set<PeerConnection>();
  readonly #owners = new Set<ConnectionOwner>();

  constructor() {
    this.#watchFiles();
    this.#watchRoad();
    this.#watchPeers();
    this.#watchTime();
  }

  /** From now on: completions from the `holdFrom`th on are held. */
  begin(holdFrom: number): void {
    this.#recording = true;
    this.#holdFrom = holdFrom;
  }

  stop(): void {
    this.#recording = false;
    // After a 101 a connection is the tunnel's.
    for (const { owner, idleOwner } of this.#connections)
      if (owner !== null && owner !== idleOwner) this.#owners.add(owner);
    for (const owner of this.#owners) this.seen.add(owner.constructor.name);
  }

  /** All that was held or may still be said, twice. */
  fire(): void {
    for (let time = 0; time < 2; time++) {
      for (const { deliver, again } of this.held) {
        if (time === 0) deliver();
        else again();
      }
      for (const call of this.#late) call();
      for (const owner of this.#owners) tellOwner(owner);
      for (const maker of this.#makers) tell(maker);
    }
  }

  end(): void {
    vi.restoreAllMocks();
    for (const undo of this.#undo.splice(0)) undo();
    syncBuiltinESMExports();
  }

  #gate(deliver: () => void, again = deliver): void {
    if (!this.#recording) return deliver();
    this.completions++;
    if (this.completions >= this.#holdFrom) return void this.held.push({ deliver, again });
    deliver();
    // It came in time: late is only what comes again.
    this.#late.push(again);
  }

  #watchFiles(): void {
    const table = fs as unknown as Record<string, Call>;
    for (const name of FS_CALLS) {
      const original = table[name];
      table[name] = this.#gated(original, name);
      this.#undo.push(() => {
        table[name] = original;
      });
    }
    const { native } = fs.realpath;
    fs.realpath.native = this.#gated(native as unknown as Call, 'realpath') as unknown as typeof native;
    this.#undo.push(() => {
      fs.realpath.native = native;
    });
    syncBuiltinESMExports();
    for (const name of ['append', 'read'] as const) {
      const original = TempFile.prototype[name] as unknown as (...args: unknown[]) => Promise<void>;
      const gate = this.#gate.bind(this);
      const late = async function (this: TempFile, ...args: unknown[]): Promise<void> {
        await original.apply(this, args);
        await new Promise<void>((resolve) => gate(resolve));
      };
      vi.spyOn(TempFile.prototype, name).mockImplementation(late as never);
    }
  }

  #gated(original: Call, name: string): Call {
    return (...args) => {
      const done = args.at(-1);
      if (!this.#recording || typeof done !== 'function') return original(...args);
      const call = done as Callback;
      const before = args.slice(0, -1);
      return original(...before, (...result: unknown[]) => {
        // A descriptor belongs to whoever was told of it: who is told twice has two.
        const again = (): void => {
          if (ONCE.has(name)) return;
          if (name === 'open' && result[0] === null)
            call(null, fs.openSync(before[0] as string, before[1] as number));
          else call(...result);
        };
        this.#gate(() => call(...result), again);
      });
    };
  }

  #watchRoad(): void {
    const self = this;
    const { setMaker, wait } = Exchange.prototype;
    vi.spyOn(Exchange.prototype, 'setMaker').mockImplementation(function (this: Exchange, maker) {
      self.#note(this, maker);
      setMaker.call(this, maker);
    });
    vi.spyOn(Exchange.prototype, 'wait').mockImplementation(function (this: Exchange, source) {
      const ticket = wait.call(this, source);
      if (self.#recording)
        self.#late.push(
          () => this.resume(ticket, 403),
          () => this.resume(ticket, 0),
        );
      return ticket;
    });
    const { ask } = SubRoot.prototype;
    vi.spyOn(SubRoot.prototype, 'ask').mockImplementation(function (this: SubRoot, parent, asked) {
      if (self.#recording) {
        self.seen.add(this.constructor.name);
        self.#late.push(
          () => this.cancel(),
          () => this.finish(INSTANT),
          () => this.abort(INSTANT, 'internal_error'),
        );
      }
      return ask.call(this, parent, asked);
    });
    const { check } = passwordChecks;
    vi.spyOn(passwordChecks, 'check').mockImplementation((question, done, waits) => {
      check.call(passwordChecks, question, (verdict) => this.#gate(() => done(verdict)), waits);
    });
    const { find } = NameLookups.prototype;
    vi.spyOn(NameLookups.prototype, 'find').mockImplementation(function (
      this: NameLookups,
      name,
      ms,
      onFound,
    ) {
      find.call(this, name, ms, (addresses, why) => self.#gate(() => onFound(addresses, why)));
    });
  }

  #note(x: Exchange, maker: Source | null): void {
    if (!this.#recording || maker === null || maker === INSTANT) return;
    this.exchange ??= x.main;
    this.seen.add(maker.constructor.name);
    this.#makers.add(maker);
  }

  #watchPeers(): void {
    const self = this;
    const { acquire, acquireOver } = Upstream.prototype;
    vi.spyOn(Upstream.prototype, 'acquire').mockImplementation(function (this: Upstream, peer, owner, fresh) {
      return self.#noteOwner(acquire.call(this, peer, owner, fresh), owner);
    });
    vi.spyOn(Upstream.prototype, 'acquireOver').mockImplementation(function (
      this: Upstream,
      transport,
      peer,
      owner,
      fresh,
    ) {
      return self.#noteOwner(acquireOver.call(this, transport, peer, owner, fresh), owner);
    });
  }

  #noteOwner(connection: PeerConnection, owner: ConnectionOwner): PeerConnection {
    if (!this.#recording) return connection;
    this.waits++;
    this.seen.add(owner.constructor.name);
    this.#owners.add(owner);
    this.#connections.add(connection);
    return connection;
  }

  #watchTime(): void {
    const add = delays.add.bind(delays);
    vi.spyOn(delays, 'add').mockImplementation((delay, ms) => {
      if (this.#recording) {
        this.waits++;
        this.#late.push(delay.onDue);
      }
      add(delay, ms);
    });
    const arm = wheel.arm.bind(wheel);
    vi.spyOn(wheel, 'arm').mockImplementation((deadline, ms) => {
      // Those of connections are theirs.
      if (this.#recording && this.#makers.size > 0 && this.seen.has('CachedExchange'))
        this.#late.push(deadline.onTimeout);
      arm(deadline, ms);
    });
    const { wait } = Pace.prototype;
    const self = this;
    vi.spyOn(Pace.prototype, 'wait').mockImplementation(function (this: Pace, ms, act) {
      if (self.#recording) self.#late.push(act);
      wait.call(this, ms, act);
    });
  }
}

function tell(maker: Source & BodyEars): void {
  maker.onDrain();
  maker.onBodyMore?.();
  maker.onBodyWhole?.();
  maker.onBodyFailed?.('client_body_malformed', 'late');
  maker.onGone('client_aborted');
}

function tellOwner(owner: ConnectionOwner): void {
  owner.onPeerConnect();
  owner.onPeerDrain();
  owner.onPeerData(Buffer.from(LATE), LATE.length);
  owner.onPeerTimeout();
  owner.onPeerEnd();
  owner.onBug();
  owner.onPeerClosed(null);
}
