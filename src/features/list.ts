// All optional features. `compile.ts` asks each for its part of a location and sorts the parts by their slots.
import { ACCESS } from './access/access.ts';
import { AUTH_BASIC } from './auth-basic/auth-basic.ts';
import { EXPIRES } from './expires/expires.ts';
import type { Feature } from './feature.ts';
import { LIMIT_CONN } from './limit-conn/limit-conn.ts';
import { LIMIT_REQ } from './limit-req/limit-req.ts';

export const FEATURES: readonly Feature[] = [LIMIT_REQ, LIMIT_CONN, ACCESS, AUTH_BASIC, EXPIRES];
