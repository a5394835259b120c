// The zones that a configuration has, whichever feature they are of.
import type { Model } from '../config/model.ts';
import type { ZoneSpec } from '../zones/zone-kind.ts';

export function zoneSpecs({ settings }: Model): ZoneSpec[] {
  return [
    ...settings.limitReqZones.map(
      ({ name, bytes, key, rate }): ZoneSpec => ({ kind: 'limit_req', name, bytes, key, rate }),
    ),
    ...settings.limitConnZones.map(
      ({ name, bytes, key }): ZoneSpec => ({ kind: 'limit_conn', name, bytes, key, rate: 0 }),
    ),
  ];
}
