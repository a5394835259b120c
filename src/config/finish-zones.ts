// What only the whole Model shows of limits: zones that do not exist, that are of another kind, or have a name twice.
import type { ZoneEntry } from '../features/limit-req/rows.ts';
import { levelsOf } from './levels.ts';
import type { Model, Settings } from './model.ts';
import { positionOf } from './places.ts';
import type { Problems } from './problem.ts';
import { setsItself } from './settings.ts';

interface Limit {
  readonly zone: string;
  readonly at: string;
}

/** One of the two kinds: its names, and what a level has of it. */
interface Kind {
  readonly directive: 'limit_req' | 'limit_conn';
  readonly zones: (settings: Settings) => readonly ZoneEntry[];
  readonly limits: 'limitReq' | 'limitConn';
}

const KINDS: readonly Kind[] = [
  { directive: 'limit_req', zones: (s) => s.limitReqZones, limits: 'limitReq' },
  { directive: 'limit_conn', zones: (s) => s.limitConnZones, limits: 'limitConn' },
];

/** Where no level has any of them there is nothing to check. */
export const ZONE_KEYS: readonly (keyof Settings)[] = [
  'limitReqZones',
  'limitConnZones',
  'limitReq',
  'limitConn',
];

export function checkZones(model: Model, problems: Problems): void {
  const known = new Map<string, { readonly directive: string; readonly entry: ZoneEntry }>();
  for (const { directive, zones } of KINDS) {
    for (const entry of zones(model.settings)) {
      const first = known.get(entry.name);
      if (first === undefined) known.set(entry.name, { directive, entry });
      else problems.error(positionOf(entry.at), twice(directive, entry, first));
    }
  }
  const all = model.servers.flatMap((server) => levelsOf(server, true).map(({ settings }) => settings));
  const levels = [model.settings, ...all];
  for (const { directive, limits } of KINDS) {
    // A level that has none of its own has those of the level above it.
    const seen = new Set<string>();
    for (const settings of levels.filter((each) => setsItself(each, limits))) {
      const names = new Set<string>();
      const own: readonly Limit[] = settings[limits];
      for (const { zone, at } of own) {
        const isSecond = names.has(zone);
        names.add(zone);
        if (seen.has(at)) continue;
        seen.add(at);
        const of = known.get(zone)?.directive;
        if (of !== directive) problems.error(positionOf(at), missing(directive, zone, of));
        else if (isSecond)
          problems.error(positionOf(at), `"${directive}" is given twice for zone "${zone}" in this block`);
      }
    }
  }
}

function twice(
  directive: string,
  { name }: ZoneEntry,
  first: { readonly directive: string; readonly entry: ZoneEntry },
): string {
  const { key, at } = first.entry;
  return first.directive === directive
    ? `${directive}_zone "${name}" is already bound to key "${key}", at ${at}; give this one another name`
    : `zone "${name}" is already a ${first.directive}_zone, at ${at}; give this one another name`;
}

function missing(directive: string, zone: string, of: string | undefined): string {
  return of === undefined
    ? `"${directive}": there is no zone "${zone}"; add ${directive}_zone with zone=${zone}:10m to the http block`
    : `"${directive}": zone "${zone}" is a ${of}_zone; name one of ${directive}_zone`;
}
