// Rows of uwsgi that no other family has. What all families of peers have is family/rows.ts, what those of apps have apps/rows.ts; TLS to
// them is tls/rows.ts.
import { count, HTTP_LEVELS, type Row, setting } from '../../config/row.ts';
import { type AppParam, appRows } from '../apps/rows.ts';
import { familyDefaults, familyRows } from '../family/rows.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly uwsgiParam: readonly AppParam[];
    readonly uwsgiModifier1: number;
    readonly uwsgiModifier2: number;
    readonly uwsgiString: string;
  }
}

export const uwsgiDefaults = {
  ...familyDefaults('uwsgi'),
  uwsgiParam: [],
  uwsgiModifier1: 0,
  uwsgiModifier2: 0,
  uwsgiString: '',
} as const;

export const uwsgiRows: readonly Row[] = [
  ...familyRows('uwsgi'),
  ...appRows('uwsgi', 'a uwsgi app'),
  count('uwsgiModifier1', {
    name: 'uwsgi_modifier1',
    contexts: HTTP_LEVELS,
    max: 255,
    default: '0',
    doc: 'First number of the packet’s head: what kind of app is meant.',
  }),
  count('uwsgiModifier2', {
    name: 'uwsgi_modifier2',
    contexts: HTTP_LEVELS,
    max: 255,
    default: '0',
    doc: 'Second number of the packet’s head.',
  }),
  setting('uwsgiString', {
    name: 'uwsgi_string',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'text',
    doc: 'Bytes that stand in the packet behind its variables.',
    read: ([word]) => word.text,
  }),
];
