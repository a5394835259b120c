// $fastcgi_script_name and $fastcgi_path_info: the path, cut as the location says.
import type { VariableTable } from '../../route/template.ts';

export const fastcgiVariables: VariableTable = {
  plain: {
    fastcgi_script_name: (x) => x.location.script?.nameOf(x.uri) ?? x.uri,
    fastcgi_path_info: (x) => x.location.script?.infoOf(x.uri) ?? '',
  },
  families: {},
};
