// Who looks after a forwarded exchange, as the location's settings have it: a cache, a store of files, or nobody.
import type { Settings } from '../../config/model.ts';
import type { Handler } from '../../exchange/exchange.ts';
import { createCached } from '../cache/cached-exchange.ts';
import { compileCache } from '../cache/options.ts';
import { createForward } from '../forward.ts';
import type { ForwardOptions } from '../forward-options.ts';
import type { FamilyTarget, ForwardTools } from '../forward-tools.ts';
import { createStoring } from '../store.ts';
import { familyOf } from './rows.ts';

export function createTaking(
  options: ForwardOptions,
  settings: Settings,
  target: FamilyTarget,
  tools: ForwardTools,
): Handler {
  const own = familyOf(settings, target.family);
  const cache = compileCache(own, settings, target, tools);
  if (tools.make !== undefined) return tools.make(options, target, cache);
  if (cache !== null) return createCached(options, cache);
  return own.Store === '' ? createForward(options) : createStoring(options, own, tools);
}
