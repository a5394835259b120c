// $invalid_referer.
import { ownVariable } from '../../route/own-variable.ts';
import type { VariableTable } from '../../route/template.ts';

const own = ownVariable('invalid_referer');

/** Where no referers are told apart all are valid. */
export const refererVariables: VariableTable = {
  plain: { invalid_referer: (x) => own(x) ?? '' },
  families: {},
};
