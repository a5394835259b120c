// The rows of nginx's SSI module: commands in pages.
import { type Context, flag, HTTP_LEVELS, mimeTypes, type Row, size } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly ssi: boolean;
    readonly ssiSilentErrors: boolean;
    readonly ssiLastModified: boolean;
    readonly ssiIgnoreRecycledBuffers: boolean;
    readonly ssiMinFileChunkBytes: number;
    readonly ssiValueLengthBytes: number;
    /** In lower case; `*` = all. */
    readonly ssiTypes: readonly string[];
    readonly subrequestOutputBufferBytes: number;
  }
}

export const ssiDefaults = {
  ssi: false,
  ssiSilentErrors: false,
  ssiLastModified: false,
  ssiIgnoreRecycledBuffers: false,
  ssiMinFileChunkBytes: 1024,
  ssiValueLengthBytes: 255,
  ssiTypes: ['text/html'],
  subrequestOutputBufferBytes: 4096,
} as const;

const WITH_IF: readonly Context[] = [...HTTP_LEVELS, 'if in location'];

export const ssiRows: readonly Row[] = [
  flag('ssi', {
    name: 'ssi',
    contexts: WITH_IF,
    default: 'off',
    doc: 'Carries out the commands of server side includes in answers of ssi_types: include, echo, set, if, config, block.',
  }),
  flag('ssiSilentErrors', {
    name: 'ssi_silent_errors',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Says nothing in the page where a command fails.',
  }),
  flag('ssiLastModified', {
    name: 'ssi_last_modified',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Keeps Last-Modified, and a weak ETag, though parts of the page may be newer.',
  }),
  flag('ssiIgnoreRecycledBuffers', {
    name: 'ssi_ignore_recycled_buffers',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Accepted without effect: no buffers are held here while a page is read.',
  }),
  size('ssiMinFileChunkBytes', {
    name: 'ssi_min_file_chunk',
    contexts: HTTP_LEVELS,
    default: '1k',
    doc: 'Accepted without effect: files are read in bounded pieces.',
  }),
  size('ssiValueLengthBytes', {
    name: 'ssi_value_length',
    contexts: HTTP_LEVELS,
    default: '255',
    doc: 'The longest value of a parameter in a command.',
  }),
  mimeTypes('ssiTypes', {
    name: 'ssi_types',
    contexts: HTTP_LEVELS,
    default: 'text/html',
    doc: 'The types of answers, beside text/html, that commands are looked for in; `*` = all.',
  }),
  size('subrequestOutputBufferBytes', {
    name: 'subrequest_output_buffer_size',
    contexts: HTTP_LEVELS,
    default: '4k',
    doc: 'The longest answer that an include may put into a variable (`set`).',
  }),
];
