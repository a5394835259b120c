// Variables of secure_link.
import { ownVariable } from '../../route/own-variable.ts';
import type { VariableTable } from '../../route/template.ts';

export const secureLinkVariables: VariableTable = {
  plain: {
    secure_link: ownVariable('secure_link'),
    secure_link_expires: ownVariable('secure_link_expires'),
  },
  families: {},
};
