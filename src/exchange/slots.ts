// The places on the road, each list in the order in which they are asked, and what those who stand there may say.

/** What a step or a filter came to besides a status (≥ 100), which goes to the funnel. */
export const GO_ON = 0;

/** As GO_ON; under `satisfy any` nobody else of the access group is asked. */
export const ALLOW = 1;

/** It answered, or waits: `resume` goes on. */
export const STOP = 2;

/** GO_ON, ALLOW, STOP or a status. */
export type StepResult = number;

/** The phases between a location's script and its content, in nginx's order; nginx has no faults. */
export const PHASES = [
  'otel',
  'realip',
  'limit_req',
  'limit_conn',
  'faults',
  'access',
  'auth_basic',
  'auth_request',
  'try_files',
  'mirror',
] as const;
export type Phase = (typeof PHASES)[number];

/**
 * What makes a location's answers, in the order in which it is asked, nginx's own. `handler` answers everything, as proxy_pass does;
 * what nobody has answered is left to static files.
 */
export const CONTENTS = ['handler', 'random_index', 'index', 'autoindex', 'gzip_static'] as const;
export type ContentSlot = (typeof CONTENTS)[number];

/** Filters in the order in which they see an answer's head, nginx's own. Those of subrequests' answers, too: `OF_EACH` (answer/head-pass.ts). */
export const FILTERS = [
  'slice',
  'not_modified',
  'headers',
  'userid',
  'gunzip',
  'addition',
  'sub',
  'charset',
  'ssi',
  'postpone',
  'gzip',
  'range',
  'rate',
  'fault_rate',
  'fault_cut',
] as const;
export type FilterSlot = (typeof FILTERS)[number];

/** The filter has nothing to do with the body; or has. Else a status (≥ 100) that takes the answer's place. */
export const PASS = 0;
export const JOIN = 1;

/**
 * Bits of `coding` (nginx: gzip_tested, gzip_ok, gzip_vary): it was asked whether the client takes gzip; it does; the answer depends
 * on Accept-Encoding.
 */
export const CODING_TESTED = 1;
export const CODING_OK = 2;
export const VARIES = 4;
