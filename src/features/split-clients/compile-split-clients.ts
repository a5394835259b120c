// `split_clients` as the road asks it: a hash, and the first share that reaches beyond it.
import { compileTemplate, type Getter, toBytes, type VariableLookup } from '../../route/template.ts';
import { murmurHash2 } from './murmur-hash.ts';
import type { SplitClientsModel } from './rows.ts';

export function compileSplitClients({ source, parts }: SplitClientsModel, lookup: VariableLookup): Getter {
  const text = compileTemplate(source, lookup);
  const values = parts.map(({ value }) => toBytes(value));
  const ends: number[] = [];
  let end = 0;
  for (const { share } of parts) {
    // Each is rounded down for itself, as nginx does it.
    end += Math.floor((share * 0xffff_ffff) / 10_000);
    ends.push(share === 0 ? Infinity : end);
  }
  return (x) => {
    const hash = murmurHash2(text(x));
    for (let i = 0; i < ends.length; i++) if (hash < ends[i]) return values[i];
    return '';
  };
}
