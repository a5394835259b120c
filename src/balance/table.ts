// The one table of algorithms: a method without its factory does not compile.
import type { BalancerFactory } from './balancer.ts';
import { ipHash } from './ip-hash.ts';
import { leastConn } from './least-conn.ts';
import { roundRobin } from './round-robin.ts';

export type BalanceMethod = 'round_robin' | 'ip_hash' | 'least_conn';

export const BALANCERS = {
  round_robin: roundRobin,
  ip_hash: ipHash,
  least_conn: leastConn,
} satisfies Record<BalanceMethod, BalancerFactory>;
