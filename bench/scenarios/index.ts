// All scenarios, in the order in which they run.
import { GROWTH_SCENARIOS } from './growth.ts';
import { HTTP_SCENARIOS } from './http.ts';
import type { Scenario } from './scenario.ts';
import { SPECIAL_SCENARIOS } from './special.ts';

export const SCENARIOS: readonly Scenario[] = [...HTTP_SCENARIOS, ...SPECIAL_SCENARIOS, ...GROWTH_SCENARIOS];
