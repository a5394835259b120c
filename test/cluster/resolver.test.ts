// Host names of peers: found at once, kept while their configuration runs, forgotten with it.
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, expect, it, vi } from 'vitest';
import { HostResolver } from '../../src/cluster/resolver.ts';
import type { Log } from '../../src/observe/error-log.ts';

const host = (name: string) => ({ name, resolver: null });

const open: HostResolver[] = [];
afterEach(() => {
  for (const resolver of open.splice(0)) resolver.stop();
});

function setup() {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const log = { debug: note, info: note, notice: note, warn: note, error: note, crit: note } as Log;
  const changes: string[][] = [];
  const home = { log };
  const resolver = new HostResolver(home, () => changes.push(Object.keys(resolver.hosts)));
  open.push(resolver);
  return { resolver, lines, changes, home };
}

it('knows the addresses of a name when follow resolves, and says so of one that has none', async () => {
  const { resolver, lines } = setup();
  await resolver.follow([host('localhost'), host('no-such-name.invalid')], 30_000);
  expect(resolver.hosts.localhost).toContain('127.0.0.1');
  expect(resolver.hosts['no-such-name.invalid']).toBeUndefined();
  expect(lines.filter((line) => line.includes('no-such-name.invalid'))).toHaveLength(1);
});

it('writes to the log of the running configuration', async () => {
  const { resolver, lines, home } = setup();
  const later: string[] = [];
  home.log = { ...home.log, warn: (message) => void later.push(message) };
  await resolver.follow([host('no-such-name.invalid')], 30_000);
  expect({ lines, later }).toEqual({ lines: [], later: [expect.stringContaining('no-such-name.invalid')] });
});

it('keeps the names of the running configuration when another one is refused', async () => {
  const { resolver } = setup();
  await resolver.follow([host('localhost')], 30_000);
  await resolver.follow([host('no-such-name.invalid')], 30_000);
  resolver.keep([host('localhost')], 30_000);
  expect(resolver.hosts.localhost).toContain('127.0.0.1');
  resolver.keep([], 30_000);
  expect(resolver.hosts).toEqual({});
});

it('tells of the first answer too: it may come when the start waits no longer', async () => {
  const { resolver, changes } = setup();
  await resolver.follow([host('localhost')], 30_000);
  expect(changes).toEqual([['localhost']]);
});

it.each([0, 1, 999])(
  'asks for no name in a circle, also where an answer is good for %s ms',
  async (ttlMs) => {
    const asked = vi.spyOn(dns, 'lookup');
    syncBuiltinESMExports();
    try {
      const { resolver } = setup();
      await resolver.follow([host('localhost')], ttlMs);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(asked).toHaveBeenCalledTimes(1);
      expect(resolver.hosts.localhost).toContain('127.0.0.1');
    } finally {
      asked.mockRestore();
      syncBuiltinESMExports();
    }
  },
);

it('holds an answer for a century where it is told to', async () => {
  const warnings: string[] = [];
  const warn = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', warn);
  const { resolver } = setup();
  await resolver.follow([host('localhost')], 36_500 * 24 * 3600_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  process.off('warning', warn);
  expect(warnings).toEqual([]);
});
