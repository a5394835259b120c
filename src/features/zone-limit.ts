// What limit_req and limit_conn have in common: a zone, and what they count in it.
import type { Exchange } from '../exchange/exchange.ts';
import { compileTemplate } from '../route/template.ts';
import type { Zone } from '../zones/zone.ts';
import type { ZoneKindName } from '../zones/zone-kind.ts';
import type { FeaturePlace } from './feature.ts';

export interface ZoneLimit {
  readonly zone: Zone;
  readonly name: string;
  /** As it is written. */
  readonly keyText: string;
  readonly key: (x: Exchange) => string;
}

/** null where the configuration has no such zone. */
export function zoneLimit(
  kind: ZoneKindName,
  name: string,
  { zones, lookup }: FeaturePlace,
): ZoneLimit | null {
  const zone = zones.of(kind, name);
  if (zone === undefined) return null;
  const { key: keyText } = zones.specOf(zone);
  return { zone, name, keyText, key: compileTemplate(keyText, lookup) };
}

/** A line of nginx's log has an end. */
const MAX_SHOWN = 2000;

/** What is counted of an exchange; '' = it is not. nginx counts no key of more than `mostBytes`, and says so. */
export function keyOf(
  x: Exchange,
  { key, keyText }: ZoneLimit,
  mostBytes: number,
  report: FeaturePlace['report'],
): string {
  const value = key(x);
  if (value.length <= mostBytes) return value;
  const shown = value.slice(0, MAX_SHOWN);
  report(x, 'error', `the value of the "${keyText}" key is more than ${mostBytes} bytes: "${shown}"`);
  return '';
}
