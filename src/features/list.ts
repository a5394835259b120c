// All optional features. `compile.ts` asks each for its part of a location and sorts the parts by their slots.
import { ADDITION } from './addition/addition.ts';
import { AUTH_REQUEST } from './auth-request/auth-request.ts';
import { EXPIRES } from './expires/expires.ts';
import type { Feature } from './feature.ts';
import { LIMIT_CONN } from './limit-conn/limit-conn.ts';
import { LIMIT_REQ } from './limit-req/limit-req.ts';
import { MIRROR } from './mirror/mirror.ts';
import { POSTPONED } from './postpone.ts';
import { SSI } from './ssi/ssi.ts';

export const FEATURES: readonly Feature[] = [
  LIMIT_REQ,
  LIMIT_CONN,
  EXPIRES,
  AUTH_REQUEST,
  ADDITION,
  SSI,
  POSTPONED,
  MIRROR,
];
