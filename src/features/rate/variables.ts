// `$limit_rate`: bytes a second, as `set`, a peer or limit_rate has them; 0 while nothing has said it.
import type { VariableTable } from '../../route/template.ts';

export const rateVariables: VariableTable = {
  plain: { limit_rate: (x) => String(Math.max(0, x.limitRate)) },
  families: {},
};
