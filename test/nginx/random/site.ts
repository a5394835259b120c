// The files that random configurations serve: one set in several directories, so that most paths find something.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MODIFIED_S = 1_700_000_000;

const PAGE = `<html><head><title>A page</title></head>\n<body>${'<p>some text of a page</p>\n'.repeat(60)}</body></html>\n`;

/** Commands in every form, with one request to the peer at most. */
const ALL = `<!--#config errmsg="[broken]" --><!--#set var="x" value="<$arg_a>" -->
<!--#if expr="$arg_a = foo" -->foo<!--#elif expr="$arg_a = /^b(.*)/" -->b, $1<!--#else -->else<!--#endif -->
<!--#echo var="x" --><!--#echo var="nothing" default="none" --><!--#echo var="x" encoding="url" --><!--#what -->
<!--#block name="b" -->stub of <!--#echo var="uri" --><!--#endblock --><!--#include virtual="/nothing" stub="b" -->
<!--#include virtual="/a/k7" set="y" --><!--#echo var="y" encoding="none" -->\n`;

const FILES: Readonly<Record<string, string | Buffer>> = {
  'index.html': '<p>index\n',
  'small.txt': '0123456789abcdefghijklmnopqrstuvwxyz',
  'empty.txt': '',
  'page.html': PAGE,
  'page.html.gz': gzipSync(PAGE),
  'style.css': 'p { color: red }\n'.repeat(40),
  'data.json': '{"a":[1,2,3]}',
  'only.txt.gz': gzipSync('only in compressed form\n'.repeat(20)),
  'dir/index.html': '<p>index of dir\n',
  'dir/x.txt': 'x of dir',
  'noindex/x.txt': 'x of noindex',
  'sp ace.txt': 'a name with a space',
  'part.shtml': '<!--#echo var="uri" --> and <!--#include virtual="/small.txt" -->.\n',
  'all.shtml': ALL,
  noext: 'no extension',
};

/** Names below each directory that requests ask for. */
export const NAMES = [
  ...Object.keys(FILES),
  'dir',
  'dir/',
  'noindex/',
  'nothing',
  'nothing/',
  'only.txt',
  '',
];

/** Directories with the whole set. */
const PLACES = ['', 'a', 'a/b', 'files', 'errors'];

/** Strong ETags as both servers make them, for requests. */
export const ETAGS = Object.values(FILES).map(
  (content) => `"${MODIFIED_S.toString(16)}-${content.length.toString(16)}"`,
);

export function makeSite(): { readonly root: string; remove(): void } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'lbproxy-random-')));
  const put = (name: string, content: string | Buffer): void => {
    const file = join(root, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    utimesSync(file, MODIFIED_S, MODIFIED_S);
  };
  for (const place of PLACES)
    for (const [name, content] of Object.entries(FILES)) put(join(place, name), content);
  put('big.bin', Buffer.alloc(150_000, 'a line of thirty-one characters\n'));
  for (const status of [400, 403, 404, 413, 500, 502, 503])
    put(`errors/${status}.html`, `<p>page of ${status}\n`);
  // user:secret and other:pass
  put('users', 'user:{PLAIN}secret\nother:{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=\n');
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}
