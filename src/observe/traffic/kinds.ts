// What is told apart of answers and of attempts: closed lists, so that a series is one array of fixed length.
import { CAUSE_OF, STATUS_OF } from '../../shared/failure.ts';

/** Statuses that have a count of their own; all others are one. */
const KNOWN = [
  0, 101, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400,
  401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423,
  424, 425, 426, 428, 429, 431, 444, 451, 460, 494, 495, 496, 497, 498, 499, 500, 501, 502, 503, 504, 505,
  506, 507, 508, 510, 511, 520, 521, 522, 523, 524, 525, 526, 530, 598, 599,
] as const;

/** As they are shown: `000` is a connection that ended without an answer. */
export const STATUSES: readonly string[] = [...KNOWN.map((code) => String(code).padStart(3, '0')), 'other'];

const places = new Uint8Array(1000).fill(STATUSES.length - 1);
for (const [place, code] of KNOWN.entries()) places[code] = place;

export function placeOfStatus(status: number): number {
  return status >= 0 && status < places.length ? places[status] : STATUSES.length - 1;
}

/** How attempts end: `ok`, the failures, and peers' own statuses that count as one. */
export const OUTCOMES: readonly string[] = [
  'ok',
  ...Object.keys(STATUS_OF),
  ...[403, 404, 429, 500, 502, 503, 504].map((code) => `http_${code}`),
  'http_other',
];

const placeOf = new Map(OUTCOMES.map((word, place) => [word, place]));
const HTTP_OTHER = OUTCOMES.length - 1;

/** One that is still under way when its exchange is over was left by its client. */
export function placeOfOutcome(outcome: string): number {
  const place = placeOf.get(outcome === 'pending' ? 'client_aborted' : outcome);
  return place ?? HTTP_OTHER;
}

/** Places of what a peer has failed by: what its clients did is not among them. */
const failures = OUTCOMES.map((word) => Object.hasOwn(CAUSE_OF, word) || word.startsWith('http_'));

export function isFailure(placeOfOutcome: number): boolean {
  return failures[placeOfOutcome];
}

/** Of the statuses that peers answered with. */
export const CLASSES: readonly string[] = ['1xx', '2xx', '3xx', '4xx', '5xx'];

/** -1 for a status of no class. */
export function placeOfClass(status: number): number {
  return status >= 100 && status < 600 ? Math.floor(status / 100) - 1 : -1;
}
