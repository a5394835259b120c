// `$limit_conn_status`: PASSED, REJECTED or REJECTED_DRY_RUN.
import type { VariableTable } from '../../route/template.ts';

export const limitConnVariables: VariableTable = {
  plain: { limit_conn_status: (x) => (x.limitConnStatus === '' ? undefined : x.limitConnStatus) },
  families: {},
};
