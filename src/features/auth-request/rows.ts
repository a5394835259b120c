// The rows of nginx's auth_request module: a subrequest that lets the client in or not.
import { HTTP_LEVELS, list, type ReadContext, type Row, setting } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';

/** One `auth_request_set`. */
export interface AuthVariable {
  readonly name: string;
  /** Template; its variables are those of the subrequest. */
  readonly value: string;
}

declare module '../../config/model.ts' {
  interface Settings {
    /** A URI as it stands; '' = off. */
    readonly authRequest: string;
    readonly authRequestSet: readonly AuthVariable[];
  }
}

export const authRequestDefaults = { authRequest: '', authRequestSet: [] } as const;

export const authRequestRows: readonly Row[] = [
  setting('authRequest', {
    name: 'auth_request',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'uri | off',
    default: 'off',
    doc: 'Asks this URI of the same server first: 2xx lets the client in, 401 and 403 are its answer, anything else is an error.',
    read: ([word]) => (word.text === 'off' ? '' : word.text),
  }),
  list('authRequestSet', {
    name: 'auth_request_set',
    contexts: HTTP_LEVELS,
    args: [2, 2],
    syntax: '$variable value',
    doc: 'Sets a variable once auth_request has an answer; the value may hold variables of that answer, such as $upstream_http_x_user.',
    read: readSet,
  }),
];

function readSet([variable, value]: readonly Word[], cx: ReadContext): AuthVariable | undefined {
  const m = /^\$([A-Za-z0-9_]+)$/.exec(variable.text);
  if (m === null)
    return cx.problems.error(
      variable.at,
      `"${variable.text}" is no variable; write $name as the first argument`,
    );
  cx.makeVariable(m[1], variable);
  return { name: m[1], value: cx.template(value) };
}
