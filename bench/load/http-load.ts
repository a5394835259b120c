// What an HTTP load asks for, as scenarios name it. Who sends it is http.ts.
import type { Load } from './load.ts';

export interface HttpLoad extends Load {
  readonly kind: 'http';
  readonly connections: number;
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes of the request's body, sent with a Content-Length. */
  readonly bodyBytes?: number;
  /** Bytes of the answer's body, to be verified. */
  readonly answerBytes: number;
  /** One connection per request. */
  readonly close?: boolean;
  /** Requests per second over all connections; absent: as many as go. */
  readonly rate?: number;
  /** Makes `rate` this fraction of what the slower of the yardsticks reaches. */
  readonly rateOfSlower?: number;
}
