// Rows of autoindex (ngx_http_autoindex_module) and random_index (ngx_http_random_index_module): what answers for a directory.
import { choice, flag, HTTP_LEVELS, type Row } from '../../config/row.ts';

declare module '../../config/model.ts' {
  interface Settings {
    readonly autoindex: boolean;
    readonly autoindexExactSize: boolean;
    readonly autoindexLocaltime: boolean;
    readonly autoindexFormat: 'html' | 'json' | 'jsonp' | 'xml';
    readonly randomIndex: boolean;
  }
}

export const autoindexDefaults = {
  autoindex: false,
  autoindexExactSize: true,
  autoindexLocaltime: false,
  autoindexFormat: 'html',
  randomIndex: false,
} as const;

export const autoindexRows: readonly Row[] = [
  flag('autoindex', {
    name: 'autoindex',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Lists a directory that has no index file.',
  }),
  flag('autoindexExactSize', {
    name: 'autoindex_exact_size',
    contexts: HTTP_LEVELS,
    default: 'on',
    doc: 'Whether the list has sizes in bytes, or rounded to K, M and G; html only.',
  }),
  flag('autoindexLocaltime', {
    name: 'autoindex_localtime',
    contexts: HTTP_LEVELS,
    default: 'off',
    doc: 'Whether the list has times of the local zone, or UTC; html only.',
  }),
  choice('autoindexFormat', ['html', 'xml', 'json', 'jsonp'], {
    name: 'autoindex_format',
    contexts: HTTP_LEVELS,
    default: 'html',
    doc: 'What the list is written in. With jsonp the argument "callback" names the function; without it the list is JSON.',
  }),
  flag('randomIndex', {
    name: 'random_index',
    contexts: ['location'],
    default: 'off',
    doc: 'Any file of the directory stands for it, each time another one; hidden ones do not.',
  }),
];
