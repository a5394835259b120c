import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Tests own real processes and measure memory: a process each, few at a time.
    pool: 'forks',
    maxWorkers: 2,
    setupFiles: [],
  },
});
