// The one table of algorithms: a method without its factory does not compile.
import type { BalancerFactory } from './balancer.ts';
import { hash, hashConsistent } from './hash.ts';
import { ipHash } from './ip-hash.ts';
import { leastConn } from './least-conn.ts';
import { random, randomTwo } from './random.ts';
import { roundRobin } from './round-robin.ts';

export type BalanceMethod =
  | 'round_robin'
  | 'ip_hash'
  | 'least_conn'
  | 'hash'
  | 'hash_consistent'
  | 'random'
  | 'random_two';

/** Those that depend on how many exchanges are under way. */
export const COUNTING: ReadonlySet<BalanceMethod> = new Set(['least_conn', 'random_two']);
/** Those that need a key of the request (`BalanceKey.hashKey`). */
export const KEYED: ReadonlySet<BalanceMethod> = new Set(['hash', 'hash_consistent']);
/** Those under which a client keeps its peer. */
export const KEEPING: ReadonlySet<BalanceMethod> = new Set(['ip_hash', 'hash', 'hash_consistent']);

export const BALANCERS = {
  round_robin: roundRobin,
  ip_hash: ipHash,
  least_conn: leastConn,
  hash,
  hash_consistent: hashConsistent,
  random,
  random_two: randomTwo,
} satisfies Record<BalanceMethod, BalancerFactory>;
