// A location that forwards, as explain has it: all is as on the road up to the moment at which a connection would be taken.
import { sendBody } from '../answer/whole.ts';
import type { BodyFraming } from '../back/back.ts';
import type { BalanceKey } from '../balance/balancer.ts';
import type { Peer } from '../balance/peer.ts';
import type { Exchange, Handler } from '../exchange/exchange.ts';
import type { AnswerTap } from '../forward/answer-tap.ts';
import type { BeginForward } from '../forward/cache/cached-answer.ts';
import { createCached } from '../forward/cache/cached-exchange.ts';
import type { CacheOptions } from '../forward/cache/options.ts';
import { Forward } from '../forward/forward.ts';
import type { ForwardOptions } from '../forward/forward-options.ts';
import type { FamilyTarget } from '../forward/forward-tools.ts';
import { decideRetry, type NextPolicy, type Progress } from '../forward/next-upstream.ts';
import { systemClock } from '../shared/clock.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { readOnly } from './dry-cache.ts';

/** What would have been sent, to whom. */
export interface Ready {
  readonly x: Exchange;
  readonly options: ForwardOptions;
  readonly target: FamilyTarget;
  readonly upstream: Upstream;
  /** Those that would be tried one after the other, the first of them now. */
  readonly order: readonly Peer[];
  readonly framing: BodyFraming;
  readonly upgrade: boolean;
  /** The head, or the parameters, as the peer would get them. */
  readonly head: string;
  /** Whether another peer follows when one fails. */
  readonly retries: string;
  /** What a cache knows the answer by; '' without one. */
  readonly cacheKey: string;
  /** What the group chooses by; null where its method asks for no key. */
  readonly hashKey: string | null;
}

/** A subrequest that would be forwarded: nobody knows its answer, and the main request goes on as if it were well. */
export function createDryForward(
  options: ForwardOptions,
  { target, cache }: { readonly target: FamilyTarget; readonly cache: CacheOptions | null },
  tell: (ready: Ready) => void,
): Handler {
  const begin: BeginForward = (x, given, tap) =>
    new DryForward(x, given, tap, { target, cache, tell }).begin();
  return cache === null ? (x) => begin(x, options, null) : createCached(options, readOnly(cache), begin);
}

interface Dry {
  readonly target: FamilyTarget;
  readonly cache: CacheOptions | null;
  readonly tell: (ready: Ready) => void;
}

class DryForward extends Forward {
  readonly #dry: Dry;

  constructor(exchange: Exchange, options: ForwardOptions, tap: AnswerTap | null, dry: Dry) {
    super(exchange, options, tap);
    this.#dry = dry;
  }

  protected override begun(peer: Peer): void {
    const { exchange: x, options, upstream } = this;
    if (upstream === null) return;
    const hashKey = upstream.group.isKeyed ? options.hashKey(x, upstream) : null;
    const key = hashKey === null ? x : { remoteAddress: x.remoteAddress, hashKey };
    const { framing, isUpgrade: upgrade } = this;
    const { target, cache, tell } = this.#dry;
    const head = target.shown(x, framing, upgrade);
    const cacheKey = cache === null ? '' : cache.key(x);
    const order = orderAfter(peer, upstream, key);
    const retries = sayRetries(options.next, this.progress(false));
    this.ended = true;
    this.pull?.end();
    this.tap?.end(false);
    tell({
      ...{ x, options, target, upstream, order },
      ...{ framing, upgrade, head, retries, hashKey, cacheKey },
    });
    if (!x.isSub) return;
    x.status = 200;
    sendBody(x, '');
  }
}

/** As the road decides it, before anything was sent and afterwards. */
function sayRetries(policy: NextPolicy, progress: Progress): string {
  const unsent = decideRetry(policy, 'connect_refused', progress);
  if (unsent !== '') return `only the first is tried (${unsent})`;
  const sent = decideRetry(policy, 'reset_before_head', { ...progress, requestSent: true });
  const most = policy.tries > 0 ? `, ${policy.tries} in all` : '';
  return sent === ''
    ? `each when the one before fails${most}`
    : `each when the one before could not be reached${most}; not once the request was sent (${sent})`;
}

/** The peers that would follow if each one before failed; the group counts nothing of it. */
function orderAfter(first: Peer, { group }: Upstream, key: BalanceKey): Peer[] {
  const now = systemClock.now();
  const order = [first];
  for (let next = group.pick(key, order, now); next !== undefined; next = group.pick(key, order, now)) {
    if (order.includes(next)) break;
    order.push(next);
  }
  for (const peer of order) group.release(peer, 'abandoned', now);
  return order;
}
