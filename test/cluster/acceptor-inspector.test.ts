// The inspector of an acceptor over reloads: there while the configuration that holds asks for it, and no longer.
import { expect, it } from 'vitest';
import { AcceptorInspector } from '../../src/cluster/acceptor-inspector.ts';
import type { Settings } from '../../src/config/model.ts';
import type { Answer } from '../../src/inspect/questions.ts';

const settings = (inspectorBytes: number): Settings =>
  ({ inspectorBytes, inspectorMask: [] }) as unknown as Settings;

async function ask(inspector: AcceptorInspector): Promise<Answer> {
  const question = JSON.stringify({ ask: 'list', filter: '', after: 0, limit: 1 });
  let answer = '';
  await inspector.answer({ type: 'ask', id: 1, question }, (message) => {
    if (message.type === 'answer') answer = message.answer;
  });
  return JSON.parse(answer) as Answer;
}

const NOTHING = { problem: expect.stringContaining('has no "inspector"') };

it('is there once a configuration with it holds', async () => {
  const inspector = new AcceptorInspector();
  inspector.use(settings(0));
  expect(await ask(inspector)).toEqual(NOTHING);
  const tap = inspector.tapFor(settings(8000));
  expect(tap).not.toBeNull();
  // That configuration may still be refused.
  expect(await ask(inspector)).toEqual(NOTHING);
  inspector.use(settings(0));
  expect(await ask(inspector)).toEqual(NOTHING);
});

it('stays over reloads, and takes their size', async () => {
  const inspector = new AcceptorInspector();
  const tap = inspector.tapFor(settings(8000));
  inspector.use(settings(8000));
  expect(await ask(inspector)).toMatchObject({ list: [] });
  expect(inspector.tapFor(settings(16_000))).toBe(tap);
  expect(tap?.ring.limitBytes).toBe(8000);
  inspector.use(settings(16_000));
  expect(tap?.ring.limitBytes).toBe(16_000);
  expect(inspector.tapFor(settings(0))).toBeNull();
  inspector.use(settings(0));
  expect(await ask(inspector)).toEqual(NOTHING);
});
