// What reloads leave behind: nothing that grows with them, neither in the primary nor in an acceptor.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort, PLAIN_SETUP, startContender } from '../../bench/contenders/contender.ts';
import { countedLbproxy, Probe } from '../../bench/counts/counted.ts';
import { reloadMs } from '../../bench/load/reload.ts';

const FIRST = 6;
const MORE = 20;
/** Kept models of so many were seen as 219 KB a reload in the acceptor, 442 KB in the primary. */
const LOCATIONS = 500;
/** Code that V8 compiles meanwhile is 10 to 30 KB a reload, until nothing is left to compile. */
const BYTES_PER_RELOAD = 100_000;

it('a configuration that was replaced is garbage', { timeout: 60_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-reloads-'));
  const place = {
    ...{ port: await freePort(), upstreams: [1], dir, staticDir: dir },
    certificate: { certificate: '', key: '', both: '' },
  };
  const setup = { ...PLAIN_SETUP, prefixes: LOCATIONS, generation: 1, unpinned: true };
  const running = await startContender(countedLbproxy(process.env.LBPROXY_TESTED_MAIN, []), setup, place);
  const probes = [new Probe(dir), new Probe(dir, 'primary')];
  const used = (): Promise<number[]> =>
    Promise.all(probes.map(async (probe) => (await probe.collect('major')).used));
  try {
    for (let i = 0; i < FIRST; i++) await reloadMs(running);
    const before = await used();
    for (let i = 0; i < MORE; i++) await reloadMs(running);
    const after = await used();
    const [acceptor, primary] = after.map((bytes, i) => Math.round((bytes - before[i]) / MORE));
    expect(acceptor, 'bytes per reload in the acceptor').toBeLessThan(BYTES_PER_RELOAD);
    expect(primary, 'bytes per reload in the primary').toBeLessThan(BYTES_PER_RELOAD);
  } finally {
    for (const probe of probes) probe.end();
    await running.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
