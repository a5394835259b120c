// `$limit_req_status`: PASSED, DELAYED, REJECTED, DELAYED_DRY_RUN or REJECTED_DRY_RUN.
import type { VariableTable } from '../../route/template.ts';

export const limitReqVariables: VariableTable = {
  plain: { limit_req_status: (x) => (x.limitReqStatus === '' ? undefined : x.limitReqStatus) },
  families: {},
};
