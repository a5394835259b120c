// The directive of the live view: where its page is served.
import { isIP } from 'node:net';
import type { Settings } from '../config/model.ts';
import { type Row, setting } from '../config/row.ts';
import { parseCount } from '../config/units.ts';

declare module '../config/model.ts' {
  interface Settings {
    /** null = there is none. */
    readonly liveView: LiveViewAddress | null;
  }
}

export interface LiveViewAddress {
  readonly host: string;
  readonly port: number;
  /** Where it is taken the next free one does as well. */
  readonly mayMove: boolean;
}

/** `live_view on`. */
export const USUAL_ADDRESS: LiveViewAddress = { host: '127.0.0.1', port: 4040, mayMove: true };

export const cockpitDefaults = { liveView: null } as const satisfies Partial<Settings>;

export const cockpitRows: readonly Row[] = [
  setting('liveView', {
    name: 'live_view',
    contexts: ['main'],
    args: [1, 1],
    syntax: 'on | off | address',
    default: 'off',
    doc:
      'A page that shows what passes, and steers it: on is 127.0.0.1:4040, or the next free port, and the same after a restart. Loopback only; whoever opens it needs ' +
      'the token that the start prints. Use it with "inspector" and "count_traffic"; `lbproxy dev` sets all three.',
    read: (words, cx) => {
      const [{ text, at }] = words;
      if (text === 'on') return USUAL_ADDRESS;
      if (text === 'off') return null;
      const m = /^(?:(\[[^\]]+\]|[^:]+):)?(\d+)$/.exec(text);
      const port = m === null ? undefined : parseCount(m[2], 1, 65_535);
      if (port === undefined)
        return cx.problems.error(
          at,
          `"live_view": "${text}" is none of on, off, an address such as 127.0.0.1:4040`,
        );
      const host = (m?.[1] ?? '127.0.0.1').replace(/^\[|\]$/g, '').replace(/^localhost$/i, '127.0.0.1');
      if (host !== '::1' && !(isIP(host) === 4 && host.startsWith('127.')))
        return cx.problems.error(
          at,
          `"live_view": ${host} can be reached from other machines; use 127.0.0.1 and, from afar, a tunnel (ssh -L ${port}:127.0.0.1:${port})`,
        );
      return { host, port, mayMove: false };
    },
  }),
];
