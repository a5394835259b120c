import { defineConfig } from 'vitest/config';
import { LongFirst } from './test/support/long-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Whoever waits for something waits longer on a busy machine.
    expect: { poll: { timeout: 5000 } },
    // Tests own real processes and measure memory: a process each, few at a time. Half of the time they wait; with
    // four on two cores, what a test gives a process to do something was now and then too short.
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    globalSetup: ['test/support/built.ts'],
  },
});
