// The rows of nginx's mirror module: requests that others get a copy of.
import { flag, HTTP_LEVELS, list, type Row } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    /** URIs as they stand; `off` alone = none. */
    readonly mirror: readonly string[];
    readonly mirrorRequestBody: boolean;
  }
}

export const mirrorDefaults = { mirror: [], mirrorRequestBody: true } as const;

export const mirrorRows: readonly Row[] = [
  list('mirror', {
    name: 'mirror',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'uri | off',
    default: 'off',
    doc: 'Sends a copy of each request to this URI of the same server, and to each that another one names; what it answers is ignored.',
    alone: (uri) => uri === 'off',
    read: ([word]) => word.text,
  }),
  flag('mirrorRequestBody', {
    name: 'mirror_request_body',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether copies have the body, too: all of it is read before anything is asked then.',
  }),
];
