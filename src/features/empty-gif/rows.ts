// Row of empty_gif (ngx_http_empty_gif_module).
import { type Row, setting } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly emptyGif: boolean;
  }
}

export const emptyGifDefaults = { emptyGif: false } as const;

export const emptyGifRows: readonly Row[] = [
  setting('emptyGif', {
    name: 'empty_gif',
    contexts: ['location'],
    args: [0, 0],
    syntax: '',
    inherit: false,
    repeat: 'last',
    doc: 'Answers with a transparent GIF of one pixel.',
    read: () => true,
  }),
];
