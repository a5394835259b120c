// What keeps a fault from hitting: it is told before somebody waits for it.
import type { FaultKind } from '../features/faults/rows.ts';
import type { TopologyView } from './face.ts';

type Place = { readonly server: string; readonly location: string };

/** '' where it may hit. */
export function faultHint(
  servers: TopologyView['servers'],
  { server, location }: Place,
  kind: FaultKind,
): string {
  // The answer of `return` is there before delays and aborts are drawn; its body passes the other two.
  if (kind !== 'delay' && kind !== 'abort') return '';
  const locations = servers.find((one) => one.server === server)?.locations ?? [];
  const returns = (name: string): boolean =>
    locations.some((one) => one.location === name && one.kind === 'return');
  const who = returns('-') ? 'the server' : returns(location) ? 'this location' : '';
  if (who === '') return '';
  return `${who} answers by "return", which comes before ${kind}: what it answers is not hit (cut and rate hit its body)`;
}
