// The package's main export: `createBalancer`, http-proxy-3's server whose target is an upstream group.
export { Balancer, createBalancer, type PeerStatus } from './balancer.ts';
export { BalancerError, type FailedAttempt } from './balancer-error.ts';
export type { BalancerOptions, UpstreamOptions, UpstreamServer } from './options.ts';
