// All contenders, in the order in which they take their turns.
import type { Contender } from './contender.ts';
import { httpProxy3 } from './http-proxy-3.ts';
import { lbproxy } from './lbproxy.ts';
import { nginxClassic, nginxTuned } from './nginx.ts';

export const CONTENDERS: readonly Contender[] = [lbproxy, nginxTuned, nginxClassic, httpProxy3];
