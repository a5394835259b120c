// The inspector of an acceptor over reloads: there while the configuration that holds asks for it, and no longer.
import { afterEach, expect, it, vi } from 'vitest';
import { AcceptorInspector } from '../../src/cluster/acceptor-inspector.ts';
import type { Settings } from '../../src/config/model.ts';
import type { Answer } from '../../src/inspect/questions.ts';

const settings = (bytes: number): Settings => {
  const inspector = bytes === 0 ? null : { bytes, at: 'nginx.conf:3:11' };
  return { inspector, inspectorMask: [] } as unknown as Settings;
};

/** The system has no more memory than this in one piece. */
function memoryOf(mostBytes: number): void {
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer);
  vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((bytes) => {
    if (bytes > mostBytes) throw new RangeError('Array buffer allocation failed');
    return allocate(bytes);
  });
}

afterEach(() => vi.restoreAllMocks());

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

it.each([
  ['at the start', null],
  ['with a reload that turns it on', 0],
  ['with a reload that makes it larger', 8000],
])('that has no memory is a problem with its place, and all stays as it was: %s', async (_when, before) => {
  const inspector = new AcceptorInspector();
  if (before !== null) {
    inspector.tapFor(settings(before));
    inspector.use(settings(before));
  }
  const answered = await ask(inspector);
  memoryOf(100_000);
  expect(() => inspector.tapFor(settings(1_000_000))).toThrow(
    expect.objectContaining({
      at: 'nginx.conf:3:11',
      message:
        '"inspector": the system gives no 1000000 bytes (Array buffer allocation failed); make it smaller',
    }),
  );
  inspector.discard();
  expect(await ask(inspector)).toEqual(answered);
  const tap = inspector.tapFor(settings(16_000));
  inspector.use(settings(16_000));
  expect(tap?.ring.limitBytes).toBe(16_000);
});

it('takes memory before its configuration holds, and none behind that', () => {
  const inspector = new AcceptorInspector();
  const tap = inspector.tapFor(settings(8000));
  inspector.use(settings(8000));
  inspector.tapFor(settings(16_000));
  memoryOf(0);
  inspector.use(settings(16_000));
  expect(tap?.ring.limitBytes).toBe(16_000);
  vi.restoreAllMocks();
  // Refused by somebody else.
  inspector.tapFor(settings(24_000));
  inspector.discard();
  memoryOf(0);
  expect(() => inspector.tapFor(settings(24_000))).toThrow('make it smaller');
});

it('gives its memory back where it is turned off, whatever still lasts', () => {
  const inspector = new AcceptorInspector();
  const tap = inspector.tapFor(settings(8000));
  inspector.use(settings(8000));
  inspector.use(settings(0));
  expect(tap?.ring.limitBytes).toBe(0);
});
