import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Contender, Place, Setup } from '../../bench/contenders/contender.ts';
import { CONTENDERS } from '../../bench/contenders/index.ts';
import { lbproxy } from '../../bench/contenders/lbproxy.ts';
import { peerAddresses } from '../../bench/contenders/nginx-text.ts';
import { loaders } from '../../bench/load/index.ts';
import { setupOf } from '../../bench/plan.ts';
import { SCENARIOS } from '../../bench/scenarios/index.ts';
import { TARGETS } from '../../bench/targets.ts';
import { readConfig } from '../../src/cli/read-config.ts';
import { makeCertificate } from '../support/certificates.ts';

const dir = mkdtempSync(join(tmpdir(), 'bench-contenders-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const { certificate, key } = makeCertificate(dir, 'localhost', 'localhost');
const place: Place = {
  ...{ port: 18080, upstreams: [18081, 18082], dir, staticDir: dir },
  certificate: { certificate, key, both: certificate },
};
const SETUPS = [...new Map(SCENARIOS.map((one) => [JSON.stringify(setupOf(one.setup)), one.setup])).values()];
const named = (name: string): Contender => {
  const found = CONTENDERS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no contender ${name}`);
  return found;
};
/** Name of the file that a command was written for: the argument behind the last option. */
const fileOf = (command: readonly string[], option: string): string => command[command.indexOf(option) + 1];

describe('setups of all scenarios', () => {
  it.each(SETUPS)('lbproxy takes %j', (partial) => {
    const setup = setupOf(partial);
    expect(lbproxy.supports(setup)).toBe(true);
    const { problems, model } = readConfig(fileOf(lbproxy.command(setup, place), '--config'), {});
    expect(problems.list.map((one) => `${one.severity}: ${one.message}`)).toEqual([]);
    expect(model?.upstreams[0].settings.upstreamServers).toHaveLength(setup.peers || 2);
  });

  it.skipIf(named('nginx (tuned)').version() === undefined)('nginx takes them', () => {
    for (const name of ['nginx (tuned)', 'nginx (classic)']) {
      for (const partial of SETUPS.filter((one) => (one.peers ?? 0) <= 1000)) {
        const [nginx, ...args] = named(name).command(setupOf(partial), place);
        execFileSync(nginx, [...args, '-t'], { stdio: 'pipe' });
      }
    }
  });

  it.skipIf(named('HAProxy').version() === undefined)('HAProxy takes those that it supports', () => {
    const supported = SETUPS.map(setupOf).filter((setup) => !setup.tls && named('HAProxy').supports(setup));
    expect(supported.length).toBeGreaterThan(1);
    for (const setup of supported) {
      const [haproxy, ...args] = named('HAProxy').command(setup, place);
      execFileSync(haproxy, [...args, '-c'], { stdio: 'pipe' });
    }
  });
});

describe('peers', () => {
  const addresses = (peers: number): string[] =>
    peerAddresses({ ...setupOf({}), peers } satisfies Setup, place);

  it('are the upstream processes', () => {
    expect(addresses(0)).toEqual(['127.0.0.1:18081', '127.0.0.1:18082']);
  });

  it('are the same processes at other loopback addresses, each address once', () => {
    expect(addresses(5).slice(2)).toEqual(['127.0.0.2:18081', '127.0.0.2:18082', '127.0.0.3:18081']);
    expect(new Set(addresses(10_000)).size).toBe(10_000);
    expect(addresses(10_000).at(-1)).toBe('127.0.19.136:18082');
  });
});

describe('scenarios', () => {
  it('have names of their own, loaders, and contenders that exist', () => {
    const names = SCENARIOS.map((one) => one.name);
    expect(new Set(names).size).toBe(names.length);
    const kinds = loaders('wrk');
    for (const one of SCENARIOS) {
      expect(kinds.has(one.load.kind), one.load.kind).toBe(true);
      for (const name of one.contenders ?? []) named(name);
    }
  });

  it('are what targets speak of', () => {
    const names = new Set(SCENARIOS.map((one) => one.name));
    for (const { scenario, against } of TARGETS) {
      expect(names, scenario).toContain(scenario);
      if (against !== undefined && 'scenario' in against) expect(names).toContain(against.scenario);
      if (against !== undefined && 'contender' in against) named(against.contender);
    }
  });
});
