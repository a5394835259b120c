// A rate that a peer's answer asks for (X-Accel-Limit-Rate), where the location has no filter for it.
import type { Exchange } from '../exchange/exchange.ts';
import { CORE_FILTERS } from './head-pass.ts';

/** Limits the answer of this exchange to so many bytes a second, 0 = to nothing; its location is one of its own from now on. */
export function limitByPeer(x: Exchange, bytesPerSecond: number): void {
  x.limitRate = bytesPerSecond;
  const { filters, rate } = x.location;
  if (rate === undefined || filters?.includes(rate) === true) return;
  x.location = { ...x.location, filters: [...(filters ?? CORE_FILTERS), rate] };
}
