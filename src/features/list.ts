// All optional features. `compile.ts` asks each for its part of a location and sorts the parts by their slots.
import { EXPIRES } from './expires/expires.ts';
import type { Feature } from './feature.ts';

export const FEATURES: readonly Feature[] = [EXPIRES];
