// Heads of requests whose answers a cache stores: the peer is asked for the whole of it, whatever the client has already or wants of it.
import type { BodyFraming } from '../../back/back.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { compileRequestHead, type RequestHeadOptions } from '../request-head.ts';

type WriteHead = (exchange: Exchange, framing: BodyFraming, upgrade: boolean) => string;

const NOTHING = (): string => '';

/** What a cache asks with in the place of the client (ngx_http_proxy_cache_headers). */
const OWN: readonly RequestHeadOptions['set'][number][] = [
  ['If-Modified-Since', (x) => x.cached?.lastModified ?? ''],
  ['If-Unmodified-Since', NOTHING],
  ['If-None-Match', (x) => x.cached?.etag ?? ''],
  ['If-Match', NOTHING],
  ['Range', NOTHING],
  ['If-Range', NOTHING],
];

export function compileCachedHead(options: RequestHeadOptions): WriteHead {
  const set = new Set(options.set.map(([name]) => name.toLowerCase()));
  const own = OWN.filter(([name]) => !set.has(name.toLowerCase()));
  const method = (x: Exchange): string =>
    x.method === 'HEAD' && x.cached?.convertsHead === true ? 'GET' : (options.method?.(x) ?? x.method);
  const plain = compileRequestHead({ ...options, method });
  const storing = compileRequestHead({ ...options, method, set: [...options.set, ...own] });
  return (x, framing, upgrade) =>
    x.cached?.storing === true ? storing(x, framing, upgrade) : plain(x, framing, upgrade);
}
