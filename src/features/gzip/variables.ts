// `$gzip_ratio`: how many times smaller the answer became.
import type { VariableTable } from '../../route/template.ts';

export const gzipVariables: VariableTable = {
  plain: { gzip_ratio: ({ gzipIn, gzipOut }) => (gzipOut === 0 ? undefined : ratio(gzipIn, gzipOut)) },
  families: {},
};

/** Two decimals, rounded from the third as nginx does. */
function ratio(before: number, after: number): string {
  const thousandths = Math.floor((before * 1000) / after);
  const hundredths = Math.floor(thousandths / 10) + (thousandths % 10 > 4 ? 1 : 0);
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, '0')}`;
}
