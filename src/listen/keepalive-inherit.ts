// keepalive_timeout without its second time: the one of the level around holds, as nginx keeps both apart.
import type { Settings } from '../config/model.ts';

/** Completes a level's own value; `outer` is what it inherits. */
export function inheritKeepalive(own: Map<keyof Settings, unknown>, outer: Settings): void {
  const set = own.get('keepalive') as Settings['keepalive'] | undefined;
  if (set === undefined || set.headerSeconds >= 0) return;
  own.set('keepalive', { ...set, headerSeconds: outer.keepalive.headerSeconds });
}
