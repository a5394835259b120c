// Subrequests that have not begun when their page ends never do.
import { expect, it } from 'vitest';
import { Postponed } from '../../src/answer/postponed.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { GO, type Source } from '../../src/exchange/flow.ts';
import { anExchange, GivingSource, TakingSink } from '../support/filter-run.ts';

/** As a file that is about to be read. */
const SOON: Source = { survivesHalfClose: true, isPrompt: true, onDrain: () => {}, onGone: () => {} };

it('begins none of those that wait when the client leaves', async () => {
  const x = anExchange();
  const asked: Exchange[] = [];
  const redirect = (sub: Exchange): void => {
    asked.push(sub);
    sub.setMaker(SOON);
  };
  x.server = { ...x.server, redirect };
  const sink = new TakingSink();
  const link = new Postponed(x, sink);
  const source = new GivingSource(link, x, [Buffer.from('text')], 'finish');
  expect(link.start(source, x, Buffer.from('text'), 0, 4, 0)).toBe(GO);
  for (let i = 0; i < 5; i++) link.insert({ uri: `/${i}`, args: '' });
  expect(asked).toHaveLength(1);
  link.onGone('client_aborted');
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toHaveLength(1);
  expect(asked[0].ended).toBe(true);
  expect(x.isHeld).toBe(false);
});
