// Variables of userid. `$uid_reset` is '' unless `set` says otherwise.
import type { VariableTable } from '../../route/template.ts';

export const useridVariables: VariableTable = {
  plain: {
    uid_got: (x) => x.main.location.own?.uid_got?.(x),
    uid_set: (x) => x.main.location.own?.uid_set?.(x),
    uid_reset: () => '',
  },
  families: {},
};
