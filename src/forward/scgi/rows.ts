// Rows of SCGI: nothing that other families have not. What all families of peers have is family/rows.ts, what those of apps have apps/rows.ts.
import type { Row } from '../../config/row.ts';
import { type AppParam, appRows } from '../apps/rows.ts';
import { familyDefaults, familyRows } from '../family/rows.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly scgiParam: readonly AppParam[];
  }
}

export const scgiDefaults = {
  ...familyDefaults('scgi'),
  scgiParam: [],
} as const;

export const scgiRows: readonly Row[] = [...familyRows('scgi'), ...appRows('scgi', 'an SCGI app')];
