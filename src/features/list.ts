// All optional features. `compile.ts` asks each for its part of a location and sorts the parts by their slots.
import { AUTH_REQUEST } from './auth-request/auth-request.ts';
import { BROTLI, ZSTD } from './brotli/brotli.ts';
import type { Feature } from './feature.ts';
import { GUNZIP } from './gzip/gunzip.ts';
import { GZIP, GZIP_STATIC, VARY } from './gzip/gzip.ts';
import { HEADERS } from './headers/headers.ts';
import { LIMIT_CONN } from './limit-conn/limit-conn.ts';
import { LIMIT_REQ } from './limit-req/limit-req.ts';

export const FEATURES: readonly Feature[] = [
  LIMIT_REQ,
  LIMIT_CONN,
  AUTH_REQUEST,
  HEADERS,
  GUNZIP,
  BROTLI,
  ZSTD,
  GZIP,
  GZIP_STATIC,
  VARY,
];
