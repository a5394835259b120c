// The location that stands at a place.
import type { LocationModel, Model } from '../config/model.ts';

export function locationAt({ servers }: Model, at: string): LocationModel | undefined {
  for (const server of servers) {
    const found = searchLocation(server.locations, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Among these and those inside of them. */
export function searchLocation(locations: readonly LocationModel[], at: string): LocationModel | undefined {
  for (const location of locations) {
    const found = location.at === at ? location : searchLocation(location.locations, at);
    if (found !== undefined) return found;
  }
  return undefined;
}
