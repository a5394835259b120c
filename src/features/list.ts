// All optional features. `compile.ts` asks each for its part of a location and sorts the parts by their slots.
import { CHARSET } from './charset/charset.ts';
import type { Feature } from './feature.ts';
import { HEADERS } from './headers/headers.ts';
import { LIMIT_CONN } from './limit-conn/limit-conn.ts';
import { LIMIT_REQ } from './limit-req/limit-req.ts';
import { RATE } from './rate/rate.ts';
import { SUB } from './sub/sub.ts';

export const FEATURES: readonly Feature[] = [LIMIT_REQ, LIMIT_CONN, HEADERS, SUB, CHARSET, RATE];
