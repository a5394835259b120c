// Rows of the inspector: what it keeps of the requests that passed.
import type { Settings } from '../config/model.ts';
import { type Row, setting, size } from '../config/row.ts';

declare module '../config/model.ts' {
  interface Settings {
    /** What an acceptor keeps of the requests that passed; 0 = nothing, and nobody looks on. */
    readonly inspectorBytes: number;
    /** Lower-case names of fields whose values are not shown, besides those that never are. */
    readonly inspectorMask: readonly string[];
  }
}

export const inspectDefaults = { inspectorBytes: 0, inspectorMask: [] } as const satisfies Partial<Settings>;

export const inspectRows: readonly Row[] = [
  size('inspectorBytes', {
    name: 'inspector',
    contexts: ['main', 'http'],
    default: '0',
    max: { bytes: 2 ** 30, text: '1g' },
    doc: 'How much each acceptor keeps of the requests that passed last, to be looked at in the live view: heads, attempts, times, bodies; at most 1g, and half as much again while requests last. 0 = nothing. `lbproxy dev` sets 32m.',
  }),
  setting('inspectorMask', {
    name: 'inspector_mask',
    contexts: ['main', 'http'],
    args: [1, 1000],
    syntax: 'field …',
    repeat: 'union',
    doc: 'Fields whose values the inspector does not show unless asked for that one request, besides Authorization, Proxy-Authorization, Cookie and Set-Cookie.',
    read: (words, cx) => {
      for (const { text, at } of words)
        if (!NAME.test(text)) cx.problems.error(at, `"${text}" is no name of a field`);
      return words.map(({ text }) => text.toLowerCase());
    },
  }),
];

/** RFC 9110 §5.6.2: token. */
const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
