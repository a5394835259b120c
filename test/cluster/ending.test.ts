// What the end of lbproxy says it waits for.
import { describe, expect, it } from 'vitest';
import { drainText, programsText } from '../../src/cluster/ending.ts';

describe('drainText', () => {
  it.each([
    [
      [{ exchanges: 1, tunnels: 0 }, null, { exchanges: 2, tunnels: 1 }],
      2900,
      'quit waits for 3 exchanges and 1 tunnel, at most 3 s',
    ],
    [
      [{ exchanges: 0, tunnels: 2 }],
      null,
      'quit waits for 2 tunnels, without a limit (worker_shutdown_timeout 0)',
    ],
    [[{ exchanges: 0, tunnels: 0 }, null], 1000, null],
  ])('%j', (waits, leftMs, text) => {
    expect(drainText(waits, leftMs)).toBe(text);
  });
});

describe('programsText', () => {
  it('names the processes that are still there', () => {
    expect(programsText([{ name: 'a', pid: 0, state: 'STOPPED' }])).toBe(null);
    expect(
      programsText([
        { name: 'a', pid: 7, state: 'STOPPING' },
        { name: 'b', pid: 0, state: 'STOPPED' },
        { name: 'c', pid: 0, state: 'STOPPING' },
      ]),
    ).toBe('the stop waits for a (pid 7), what c has left, as long as their stopwaitsecs');
  });
});
