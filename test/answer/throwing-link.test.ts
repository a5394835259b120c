// A filter that throws ends its own answer, whoever called it: a disk or a timer could not.
import { afterEach, expect, it, vi } from 'vitest';
import { FilterLink } from '../../src/answer/link.ts';
import { ENOUGH, type Flow, LAST } from '../../src/exchange/flow.ts';
import { anExchange, GivingSource, TakingSink } from '../support/filter-run.ts';

const thrown: unknown[] = [];
vi.mock('../../src/shared/rethrow-later.ts', () => ({
  rethrowLater: (error: unknown) => thrown.push(error),
}));
afterEach(() => thrown.splice(0));

class Throwing extends FilterLink {
  readonly where: string;
  freed = 0;

  constructor(where: string, ...given: ConstructorParameters<typeof FilterLink>) {
    super(...given);
    this.where = where;
  }

  protected take(buf: Buffer, a: number, b: number, flags: number): Flow {
    if (this.where === 'take') throw new Error('a bug');
    return this.emit(buf, a, b, flags & ~LAST);
  }

  protected override resume(): Flow {
    throw new Error('a bug');
  }

  protected override free(): void {
    this.freed++;
  }
}

it.each(['take', 'resume'])('in %s', (where) => {
  const x = anExchange();
  const sink = new TakingSink([true]);
  const link = new Throwing(where, x, sink);
  const source = new GivingSource(link, x, [Buffer.from('one'), Buffer.from('two')], 'last');
  source.go();
  if (where === 'resume') link.onDrain();
  expect(sink.ends).toEqual(['abort internal_error']);
  expect(source.gone).toBe('internal_error');
  expect(link.freed).toBe(1);
  expect(thrown).toHaveLength(1);
  link.onDrain();
  expect(link.write(source, Buffer.from('late'), 0, 4, LAST)).toBe(ENOUGH);
  expect([sink.ends.length, link.freed]).toEqual([1, 1]);
});
