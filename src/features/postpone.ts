// The place for the answers of subrequests, in the locations whose filters make some.
import { POSTPONE } from '../answer/postponed.ts';
import type { Feature } from './feature.ts';

export const POSTPONED: Feature = {
  name: 'postpone',
  filter: ({ settings }) =>
    !settings.ssi && settings.addBeforeBody === '' && settings.addAfterBody === '' ? null : POSTPONE,
};
