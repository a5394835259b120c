// In which order the primary does what it is told.
import { expect, it } from 'vitest';
import { ChangeQueue } from '../../src/cluster/change-queue.ts';

/** Tasks that end when they are told to, and what began and ended so far. */
class Tasks {
  readonly seen: string[] = [];
  readonly #ends = new Map<string, (error?: Error) => void>();

  task(name: string): () => Promise<string> {
    return () => {
      this.seen.push(`${name} begins`);
      return new Promise((resolve, reject) => {
        this.#ends.set(name, (error) => {
          this.seen.push(`${name} ends`);
          if (error === undefined) resolve(name);
          else reject(error);
        });
      });
    };
  }

  async end(name: string, error?: Error): Promise<string[]> {
    this.#ends.get(name)?.(error);
    return this.now();
  }

  /** After all that follows from what was done. */
  async now(): Promise<string[]> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.seen.splice(0);
  }
}

it('runs what concerns one acceptor at once, and changes alone, in the order in which they came', async () => {
  const tasks = new Tasks();
  const queue = new ChangeQueue(() => {});
  void queue.beside(tasks.task('a'));
  void queue.beside(tasks.task('b'));
  void queue.alone(tasks.task('reload'));
  void queue.beside(tasks.task('c'));
  void queue.beside(tasks.task('d'));
  void queue.alone(tasks.task('second'));
  expect(await tasks.now()).toEqual(['a begins', 'b begins']);
  expect(await tasks.end('b')).toEqual(['b ends']);
  expect(await tasks.end('a')).toEqual(['a ends', 'reload begins']);
  expect(await tasks.end('reload')).toEqual(['reload ends', 'c begins', 'd begins']);
  expect(await tasks.end('d')).toEqual(['d ends']);
  expect(await tasks.end('c')).toEqual(['c ends', 'second begins']);
  void queue.beside(tasks.task('late'));
  expect(await tasks.now()).toEqual([]);
  expect(await tasks.end('second')).toEqual(['second ends', 'late begins']);
});

it('goes on behind what failed, which whoever asked for it hears, and the home of changes', async () => {
  const tasks = new Tasks();
  const errors: unknown[] = [];
  const queue = new ChangeQueue((error) => errors.push(error));
  const a = queue.beside(tasks.task('a'));
  const reload = queue.alone(tasks.task('reload'));
  const last = queue.beside(tasks.task('last'));
  await tasks.now();
  const [one, two] = [new Error('no'), new Error('neither')];
  const heard = Promise.allSettled([a, reload, last]);
  expect(await tasks.end('a', one)).toEqual(['a ends', 'reload begins']);
  expect(await tasks.end('reload', two)).toEqual(['reload ends', 'last begins']);
  await tasks.end('last');
  expect(await heard).toEqual([
    { status: 'rejected', reason: one },
    { status: 'rejected', reason: two },
    { status: 'fulfilled', value: 'last' },
  ]);
  expect(errors).toEqual([two]);
});
