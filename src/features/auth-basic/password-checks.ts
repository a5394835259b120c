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

interface Check extends PasswordQuestion {
  readonly mark: string;
  readonly done: (verdict: Verdict) => void;
}

class PasswordChecks {
  readonly #secret = randomBytes(32);
  /** Marks of what was right, the oldest first. */
  readonly #right = new Set<string>();
  /** The first one is under way. */
  #waiting: Check[] = [];
  #thread: Thread | null = null;
  readonly #deadline = new Deadline(() => this.#giveUp());

  /** `done` may be called before this returns. */
  check(question: PasswordQuestion, done: (verdict: Verdict) => void): void {
    const { password, entry } = question;
    if (isQuick(entry)) return done(matchesQuick(password, entry) ? 'right' : 'wrong');
    const mark = createHmac('sha256', this.#secret)
      .update(`${entry}\0${password}`, 'latin1')
      .digest('latin1');
    if (this.#right.has(mark)) return done('right');
    if (this.#waiting.length >= MAX_WAITING) return done('unknown');
    this.#waiting.push({ ...question, mark, done });
    if (this.#waiting.length === 1) this.#ask();
  }

  #ask(): void {
    const [first] = this.#waiting;
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
    const check = this.#waiting.shift();
    if (check === undefined) return;
    if (verdict === 'right') this.#remember(check.mark);
    this.#ask();
    check.done(verdict);
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

export const passwordChecks = new PasswordChecks();
