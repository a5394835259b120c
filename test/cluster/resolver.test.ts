// Host names of peers: found at once, kept while their configuration runs, forgotten with it.
import { afterEach, expect, it } from 'vitest';
import { HostResolver } from '../../src/cluster/resolver.ts';
import type { Log } from '../../src/observe/error-log.ts';

const open: HostResolver[] = [];
afterEach(() => {
  for (const resolver of open.splice(0)) resolver.stop();
});

function setup() {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const log = { debug: note, info: note, notice: note, warn: note, error: note, crit: note } as Log;
  const changes: string[][] = [];
  const resolver = new HostResolver(log, () => changes.push(Object.keys(resolver.hosts)));
  open.push(resolver);
  return { resolver, lines, changes };
}

it('knows the addresses of a name when follow resolves, and says so of one that has none', async () => {
  const { resolver, lines } = setup();
  await resolver.follow(['localhost', 'no-such-name.invalid'], 30_000);
  expect(resolver.hosts.localhost).toContain('127.0.0.1');
  expect(resolver.hosts['no-such-name.invalid']).toBeUndefined();
  expect(lines.filter((line) => line.includes('no-such-name.invalid'))).toHaveLength(1);
});

it('keeps the names of the running configuration when another one is refused', async () => {
  const { resolver } = setup();
  await resolver.follow(['localhost'], 30_000);
  await resolver.follow(['no-such-name.invalid'], 30_000);
  resolver.keep(['localhost'], 30_000);
  expect(resolver.hosts.localhost).toContain('127.0.0.1');
  resolver.keep([], 30_000);
  expect(resolver.hosts).toEqual({});
});

it('tells of the first answer too: it may come when the start waits no longer', async () => {
  const { resolver, changes } = setup();
  await resolver.follow(['localhost'], 30_000);
  expect(changes).toEqual([['localhost']]);
});
