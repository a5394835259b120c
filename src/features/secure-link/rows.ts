// Rows of secure_link (ngx_http_secure_link_module): links that are signed, and may expire.
import { HTTP_LEVELS, type ReadContext, type Row, setting } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';

declare module '../../config/model.ts' {
  interface Settings {
    /** Templates; null = not set. */
    readonly secureLink: string | null;
    readonly secureLinkMd5: string | null;
    readonly secureLinkSecret: string | null;
  }
}

export const secureLinkDefaults = { secureLink: null, secureLinkMd5: null, secureLinkSecret: null } as const;

const template = (words: readonly Word[], cx: ReadContext): string => cx.template(words[0]);

export const secureLinkRows: readonly Row[] = [
  setting('secureLink', {
    name: 'secure_link',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'expression',
    doc: 'The checksum of a link in base64url and, behind a comma, when it expires (seconds since 1970). $secure_link is "1" where it is right, "0" where it expired.',
    read: template,
  }),
  setting('secureLinkMd5', {
    name: 'secure_link_md5',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'expression',
    doc: 'Of what the checksum of secure_link is the MD5.',
    read: template,
  }),
  setting('secureLinkSecret', {
    name: 'secure_link_secret',
    contexts: HTTP_LEVELS,
    args: [1, 1],
    syntax: 'word',
    doc: 'The older form: links are /prefix/checksum/link, the checksum is the MD5 of link and word in hexadecimal, $secure_link the link.',
    read: (words) => words[0].text,
  }),
];
