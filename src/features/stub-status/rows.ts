// Row of stub_status (ngx_http_stub_status_module).
import { type Row, setting } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly stubStatus: boolean;
  }
}

export const stubStatusDefaults = { stubStatus: false } as const;

export const stubStatusRows: readonly Row[] = [
  setting('stubStatus', {
    name: 'stub_status',
    contexts: ['server', 'location'],
    args: [0, 1],
    syntax: '',
    inherit: false,
    repeat: 'last',
    doc: 'Answers with numbers of connections and requests, as text.',
    read: () => true,
  }),
];
