// What only a whole level shows of the buffers for answers of peers: sizes that do not go together (ngx_http_proxy_merge_loc_conf).
import { BUFFERING_DEFAULTS, type BufferingKeys } from '../forward/buffering/rows.ts';
import { FAMILIES, familyOf } from '../forward/family/rows.ts';
import type { LocationModel, Model, Settings } from './model.ts';
import { positionOf } from './places.ts';
import type { Problems } from './problem.ts';
import { setsItself } from './settings.ts';

/** What nginx has where nothing is set: sizes of a page of memory. Ours are larger; a file that it takes must be taken. */
const PAGE_BYTES = 4096;
const NGINX_BUFFERS = { count: 8, bytes: PAGE_BYTES };

const KEYS = Object.keys(BUFFERING_DEFAULTS) as (keyof BufferingKeys)[];

/** Where no level has any of them there is nothing to check. */
export const BUFFER_KEYS: readonly (keyof Settings)[] = FAMILIES.flatMap((family) =>
  KEYS.map((key) => `${family}${key}` as const),
);

/** A level that sets none of them has those of the level around it, which was looked at. */
export function checkBuffers(model: Model, problems: Problems): void {
  for (const family of FAMILIES) {
    const keys = KEYS.map((key) => `${family}${key}` as const);
    const sets = (settings: Settings): boolean => keys.some((key) => setsItself(settings, key));
    const ofHttp = sets(model.settings);
    const check = (settings: Settings, at: string): boolean => {
      const what = complaint(family, familyOf(settings, family));
      if (what !== '') problems.error(positionOf(at), what);
      return what === '';
    };
    const ofLocations = (locations: readonly LocationModel[]): void => {
      for (const { settings, at, locations: inner } of locations) {
        if (!sets(settings) || check(settings, at)) ofLocations(inner);
      }
    };
    for (const { settings, at, locations } of model.servers) {
      if ((!ofHttp && !sets(settings)) || check(settings, at)) ofLocations(locations);
      // One is enough of what the http level says.
      else if (!sets(settings)) break;
    }
  }
}

/** '' = nothing. */
function complaint(family: string, own: BufferingKeys): string {
  const { count, bytes } = own.Buffers ?? NGINX_BUFFERS;
  const head = own.BufferBytes || PAGE_BYTES;
  const largest = Math.max(head, bytes);
  const busy = own.BusyBuffersBytes || 2 * largest;
  const most = `the maximum of "${family}_buffer_size" (${head}) and one of "${family}_buffers" (${bytes})`;
  if (busy < largest)
    return `"${family}_busy_buffers_size" (${busy}) must be equal to or greater than ${most}`;
  const room = (count - 1) * bytes;
  if (busy > room) {
    const needed = `${Math.ceil(busy / bytes) + 1} ${bytes}`;
    return `"${family}_busy_buffers_size" (${busy}${own.BusyBuffersBytes > 0 ? '' : ', twice the larger buffer'}) must be less than the size of all "${family}_buffers" minus one buffer (${room}); write ${family}_buffers ${needed}`;
  }
  if (own.TempFileWriteBytes > 0 && own.TempFileWriteBytes < largest)
    return `"${family}_temp_file_write_size" (${own.TempFileWriteBytes}) must be equal to or greater than ${most}`;
  if (own.MaxTempFileBytes > 0 && own.MaxTempFileBytes < largest)
    return `"${family}_max_temp_file_size" (${own.MaxTempFileBytes}) must be 0, which makes no file, or at least ${most}`;
  return '';
}
