// Where the live view of an lbproxy is, as its state directory has it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { LbproxyProcess } from './lbproxy-process.ts';

type Place = Pick<LbproxyProcess, 'dir' | 'configFile'>;

/** `live-view-….url` and `live-view-….port` of a configuration. */
export function liveViewFile({ dir, configFile }: Place, ending: 'url' | 'port'): string {
  const path = join(realpathSync(dirname(configFile)), basename(configFile));
  const name = createHash('sha256').update(path).digest('hex');
  return join(dir, 'state', `live-view-${name.slice(0, 12)}.${ending}`);
}

/** '' while there is none. */
export function liveViewUrl(place: Place): string {
  const file = liveViewFile(place, 'url');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n')[0] : '';
}
