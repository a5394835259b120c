// Compares passwords in a thread of its own: what is made to be slow must not hold other requests. Yeses are remembered by a keyed
// hash, since browsers send the same password with every request.
import { createHmac, randomBytes } from 'node:crypto';
import { Worker as Thread } from 'node:worker_threads';
import { Deadline, wheel } from '../../shared/timer-wheel.ts';
import type { PasswordQuestion } from './password-thread.ts';
import { isQuick, matchesQuick } from './quick-password.ts';

/** Right, wrong, or not to be told: too many wait, or it takes too long. */
export type Verdict = 'right' | 'wrong' | 'unknown';

const MAX_WAITING = 1000;
const MAX_REMEMBERED = 1000;
const MAX_CHECK_MS = 30_000;

const FILE = new URL(`./password-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

interface Asker {
  readonly done: (verdict: Verdict) => void;
  /** False: its client left. */
  readonly waits: () => boolean;
}

/** One question of all that ask the same. */
interface Check extends PasswordQuestion {
  readonly mark: string;
  readonly askers: Asker[];
}

class PasswordChecks {
  /** Of this process alone; most have no passwords to check. */
  #secret: Buffer | null = null;
  /** Marks of what was right, the oldest first. */
  readonly #right = new Set<string>();
  /** By their marks, in their order: the first one is under way. */
  readonly #waiting = new Map<string, Check>();
  #thread: Thread | null = null;
  readonly #deadline = new Deadline(() => this.#giveUp());

  /** `done` may be called before this returns; it need not be called once `waits` is false. */
  check(question: PasswordQuestion, done: Asker['done'], waits: Asker['waits'] = ALWAYS): void {
    const { password, entry } = question;
    if (isQuick(entry)) return done(matchesQuick(password, entry) ? 'right' : 'wrong');
    this.#secret ??= randomBytes(32);
    const mark = createHmac('sha256', this.#secret)
      .update(`${entry}\0${password}`, 'latin1')
      .digest('latin1');
    if (this.#right.has(mark)) return done('right');
    const same = this.#waiting.get(mark);
    if (same !== undefined) return void same.askers.push({ done, waits });
    if (this.#waiting.size >= MAX_WAITING) return done('unknown');
    this.#waiting.set(mark, { ...question, mark, askers: [{ done, waits }] });
    if (this.#waiting.size === 1) this.#ask();
  }

  /** The first one that somebody still waits for. */
  #next(): Check | undefined {
    for (const check of this.#waiting.values()) {
      if (check.askers.some(({ waits }) => waits())) return check;
      this.#waiting.delete(check.mark);
    }
    return undefined;
  }

  #ask(): void {
    const first = this.#next();
    if (first === undefined) return;
    this.#thread ??= this.#start();
    wheel.arm(this.#deadline, MAX_CHECK_MS);
    this.#thread.postMessage({ password: first.password, entry: first.entry } satisfies PasswordQuestion);
  }

  #start(): Thread {
    const thread = new Thread(FILE);
    thread.unref();
    thread.on('message', (isRight: boolean) => {
      if (thread === this.#thread) this.#settle(isRight ? 'right' : 'wrong');
    });
    const lost = (): void => {
      if (thread === this.#thread) this.#giveUp();
    };
    thread.on('error', lost);
    thread.on('exit', lost);
    return thread;
  }

  #settle(verdict: Verdict): void {
    wheel.disarm(this.#deadline);
    const [check] = this.#waiting.values();
    if (check === undefined) return;
    this.#waiting.delete(check.mark);
    if (verdict === 'right') this.#remember(check.mark);
    this.#ask();
    for (const { done } of check.askers) done(verdict);
  }

  #remember(mark: string): void {
    const [oldest] = this.#right;
    if (this.#right.size >= MAX_REMEMBERED && oldest !== undefined) this.#right.delete(oldest);
    this.#right.add(mark);
  }

  /** The thread answers no more; the next question starts another. */
  #giveUp(): void {
    const thread = this.#thread;
    this.#thread = null;
    void thread?.terminate();
    this.#settle('unknown');
  }
}

const ALWAYS = (): boolean => true;

export const passwordChecks = new PasswordChecks();
