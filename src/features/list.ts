// All optional features. `compile.ts` asks each for its part of a location and sorts the parts by their slots.

import { ACCESS } from './access/access.ts';
import { ADDITION } from './addition/addition.ts';
import { AUTH_BASIC } from './auth-basic/auth-basic.ts';
import { AUTH_REQUEST } from './auth-request/auth-request.ts';
import { AUTOINDEX, RANDOM_INDEX } from './autoindex/autoindex.ts';
import { BROTLI, ZSTD } from './brotli/brotli.ts';
import { CHARSET } from './charset/charset.ts';
import { EMPTY_GIF } from './empty-gif/empty-gif.ts';
import { FAULT_CUT, FAULT_RATE } from './faults/body-faults.ts';
import { FAULTS } from './faults/faults.ts';
import type { Feature } from './feature.ts';
import { GUNZIP } from './gzip/gunzip.ts';
import { GZIP, GZIP_STATIC, VARY } from './gzip/gzip.ts';
import { HEADERS } from './headers/headers.ts';
import { LIMIT_CONN } from './limit-conn/limit-conn.ts';
import { LIMIT_REQ } from './limit-req/limit-req.ts';
import { METRICS } from './metrics/metrics.ts';
import { MIRROR } from './mirror/mirror.ts';
import { OTEL } from './otel/otel.ts';
import { POSTPONED } from './postpone.ts';
import { RATE } from './rate/rate.ts';
import { REALIP } from './realip/realip.ts';
import { REFERER } from './referer/referer.ts';
import { SECURE_LINK } from './secure-link/secure-link.ts';
import { SSI } from './ssi/ssi.ts';
import { STUB_STATUS } from './stub-status/stub-status.ts';
import { SUB } from './sub/sub.ts';
import { USERID } from './userid/userid.ts';

export const FEATURES: readonly Feature[] = [
  ACCESS,
  ADDITION,
  AUTH_BASIC,
  AUTH_REQUEST,
  BROTLI,
  ZSTD,
  CHARSET,
  GUNZIP,
  GZIP,
  GZIP_STATIC,
  VARY,
  HEADERS,
  LIMIT_CONN,
  LIMIT_REQ,
  MIRROR,
  POSTPONED,
  RATE,
  SUB,
  SSI,
  AUTOINDEX,
  RANDOM_INDEX,
  EMPTY_GIF,
  STUB_STATUS,
  METRICS,
  OTEL,
  SECURE_LINK,
  REFERER,
  USERID,
  REALIP,
  FAULTS,
  FAULT_RATE,
  FAULT_CUT,
];
