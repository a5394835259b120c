// Variables of the files that a location has.
import { realpathSync } from 'node:fs';
import type { VariableTable } from '../route/template.ts';

/** Without links; undefined where there is no such directory. */
function realPath(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return realpathSync.native(Buffer.from(path === '' ? '/' : path, 'latin1'), 'buffer').latin1Slice();
  } catch {
    return undefined;
  }
}

export const serveVariables: VariableTable = {
  plain: {
    document_root: (x) => x.location.files?.root(x),
    realpath_root: (x) => realPath(x.location.files?.root(x)),
    request_filename: (x) => x.location.files?.path(x),
  },
  families: {},
};
