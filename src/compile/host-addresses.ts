// Looks up the host names of set_real_ip_from, once, when a configuration is compiled.
import { lookup } from 'node:dns/promises';
import { levelsOf } from '../config/levels.ts';
import type { Model } from '../config/model.ts';
import type { TrustedProxy } from '../features/realip/rows.ts';
import type { Slices } from '../shared/slices.ts';
import { fail } from './compile-error.ts';

/** By name. Rejects with a CompileError where one is not found. */
export async function hostAddressesOf(
  model: Model,
  slices: Slices,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const named = new Map<string, TrustedProxy>();
  for (const server of model.servers) {
    for (const { settings } of levelsOf(server, true))
      for (const each of settings.setRealIpFrom) if (each.bits < 0) named.set(each.who, each);
    await slices.step();
  }
  const found = await Promise.all(
    [...named].map(async ([name, { at }]): Promise<[string, readonly string[]]> => {
      try {
        return [name, (await lookup(name, { all: true })).map(({ address }) => address)];
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return fail(at, `host not found in set_real_ip_from "${name}" (${why}): write its address`);
      }
    }),
  );
  return new Map(found);
}
