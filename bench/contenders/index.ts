// All contenders, in the order in which they take their turns.
import { caddy } from './caddy.ts';
import type { Contender } from './contender.ts';
import { haproxy } from './haproxy.ts';
import { lbproxy } from './lbproxy.ts';
import { nginxClassic, nginxTuned } from './nginx.ts';
import { fastifyProxy, httpProxy3, nodeUndici } from './node-servers.ts';

export const CONTENDERS: readonly Contender[] = [
  lbproxy,
  nginxTuned,
  nginxClassic,
  haproxy,
  caddy,
  nodeUndici,
  fastifyProxy,
  httpProxy3,
];
