// Rows of the inspector: what it keeps of the requests that passed.
import type { Settings } from '../config/model.ts';
import { formatPosition } from '../config/problem.ts';
import { type Row, setting } from '../config/row.ts';
import { parseSize, sizeMeant } from '../config/units.ts';

export interface InspectorSize {
  readonly bytes: number;
  /** `file:line:column`; '' where nobody wrote it. */
  readonly at: string;
}

declare module '../config/model.ts' {
  interface Settings {
    /** What an acceptor keeps of the requests that passed; null = nothing, and nobody looks on. */
    readonly inspector: InspectorSize | null;
    /** Lower-case names of fields whose values are not shown, besides those that never are. */
    readonly inspectorMask: readonly string[];
  }
}

export const inspectDefaults = { inspector: null, inspectorMask: [] } as const satisfies Partial<Settings>;

export const inspectRows: readonly Row[] = [
  setting('inspector', {
    name: 'inspector',
    contexts: ['main', 'http'],
    args: [1, 1],
    syntax: 'size',
    default: '0',
    doc: 'How much each acceptor keeps of the requests that passed last, to be looked at in the live view: heads, attempts, times, bodies; at most 1g, and half as much again while requests last. 0 = nothing. `lbproxy dev` sets 32m.',
    read: ([{ text, at }], cx) => {
      const bytes = parseSize(text);
      if (bytes !== undefined && bytes <= MOST_BYTES)
        return bytes === 0 ? null : { bytes, at: formatPosition(at) };
      const form = bytes === undefined ? sizeMeant(text) : '1g';
      const advice = form === undefined ? '' : `; write ${form}`;
      return cx.problems.error(
        at,
        `"inspector": "${text}" is not a size such as 8k, 1m or 512, at most 1g${advice}`,
      );
    },
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

const MOST_BYTES = 2 ** 30;

/** RFC 9110 §5.6.2: token. */
const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
