// -V tells of the modules that are there, and of no other.
import { describe, expect, it } from 'vitest';
import { MODULES } from '../../../src/cli/nginx/modules.ts';
import { rowsNamed } from '../../../src/config/registry.ts';

/** What is accepted without effect is no module: but for these, whose work is done all the same. */
const WITHOUT_ROWS_OF_THEIR_OWN = ['zone'];

function isThere(directive: string): boolean {
  const rows = rowsNamed(directive);
  if (WITHOUT_ROWS_OF_THEIR_OWN.includes(directive)) return rows.length > 0;
  return rows.some((row) => row.kind !== 'ignored');
}

describe('the modules that -V tells of', () => {
  it.each(MODULES)(
    '$module is claimed if "$directive" is there (mend MISSING in cli/nginx/modules.ts)',
    (module) => {
      expect(module.claimed).toBe(isThere(module.directive));
    },
  );
});
