// What the stacks find on their machine: one directory with a configuration's place, the site's files, certificates, users and scripts.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeCertificate } from '../support/certificates.ts';
import { SCRIPTS } from './scripts.ts';

const MODIFIED_S = 1_700_000_000;

const PAGE = `<html><head><title>A page</title></head>\n<body>${'<p>some <a href="/x">text</a> of a page</p>\n'.repeat(60)}</body></html>\n`;
const CSS = 'p { color: red }\n'.repeat(90);
const JS = 'export const answer = 42;\n'.repeat(80);

/** Below www. */
const FILES: Readonly<Record<string, string | Buffer>> = {
  'index.html': '<!doctype html><title>home</title>\n',
  'robots.txt': 'User-agent: *\nDisallow:\n',
  'favicon.ico': Buffer.from([0, 0, 1, 0, 1, 0, 16, 16]),
  'about.html': PAGE,
  'about/index.html': '<p>about\n',
  'blog/2024/index.html': PAGE,
  'logo.svg': `<svg xmlns="http://www.w3.org/2000/svg">${'<path d="M0 0"/>'.repeat(40)}</svg>`,
  'photo.jpg': Buffer.alloc(70_000, 'jpeg'),
  'font.woff2': Buffer.alloc(3000, 'woff'),
  'module.mjs': JS,
  'app.js': JS,
  'app.js.gz': gzipSync(JS),
  'app.js.map': '{"version":3}',
  'style.css': CSS,
  'style.css.gz': gzipSync(CSS),
  'manifest.json': '{"name":"app"}',
  'embed/index.html': '<p>embedded\n',
  'assets/app.css': CSS,
  'assets/app.css.gz': gzipSync(CSS),
  'assets/app.js': JS,
  'assets/pic.png': Buffer.alloc(5000, 'png'),
  'assets/docs/readme.txt': 'read me\n',
  'packs/app.css': CSS,
  'packs/js/app.js': JS,
  'packs/js/app.js.gz': gzipSync(JS),
  'fonts/a.woff2': Buffer.alloc(900, 'f'),
  'images/a.png': Buffer.alloc(1200, 'i'),
  'stylesheets/a.css': CSS,
  'static/favicon.ico': Buffer.from([0, 0, 1, 0]),
  'static/robots.txt': 'User-agent: tornado\n',
  'static/app.css': CSS,
  'static/app.js': JS,
  'static/sub/x.txt': 'x\n',
  'static/sp ace.txt': 'a name with a blank\n',
  'uploads/a.txt': 'uploaded\n',
  'uploads/a.png': Buffer.alloc(700, 'u'),
  'uploads/evil.php': '<?php echo "never";',
  'uploads/dir/x.html': '<p>as text\n',
  'system/down.html': '<h1>Down for maintenance</h1>\n',
  'system/maintenance-down.html': '',
  'errors/403.html': '<h1>no</h1>\n',
  'errors/404.html': '<h1>not here</h1>\n',
  'errors/422.html': '<h1>rejected</h1>\n',
  'errors/500.html': '<h1>sorry</h1>\n',
  'errors/503.html': '<h1>busy</h1>\n',
  'errors/50x.html': '<h1>something broke</h1>\n',
  'acme/.well-known/acme-challenge/token': 'token.thumbprint',
  '.well-known/acme-challenge/token': 'token.thumbprint',
  '.well-known/security.txt': 'Contact: mailto:x@example.com\n',
  '.htaccess': 'Deny from all\n',
  '.git/config': '[core]\n',
  'archives/v1.zip': Buffer.alloc(400, 'zip'),
  'archives/default.zip': Buffer.alloc(100, 'def'),
  'pages/acme/index.html': '<p>page of acme\n',
  'pages/acme/doc.txt': 'a document of acme\n',
  'files/big.bin': Buffer.alloc(60_000, 'a line of thirty-one characters\n'),
  'files/small.txt': '0123456789',
  'files/empty.txt': '',
  'wp-content/themes/a/style.css': CSS,
  'wp-content/uploads/2024/pic.png': Buffer.alloc(2000, 'w'),
  'wp-content/uploads/bad.php': '<?php echo "never";',
  'wp-content/plugins/akismet/readme.txt': 'version\n',
  'wp-content/cache/supercache/blog.example/cached/index.html': '<p>from the cache\n',
  'wp-includes/js/x.js': JS,
  'wp-admin/index.html': '<p>admin\n',
  'core/img/logo.svg': '<svg/>',
  'config/config.php': '<?php',
  'data/x.txt': 'private\n',
  'apps/files/css/files.css': CSS,
};

/** Below private: what only X-Accel-Redirect leads to. */
const PRIVATE: Readonly<Record<string, string | Buffer>> = {
  'report.txt': 'a private report\n'.repeat(30),
  'sub/picture.png': Buffer.alloc(3000, 'p'),
  'blobs/sha256/abc': Buffer.alloc(9000, 'layer'),
};

export interface StackSite {
  readonly dir: string;
  remove(): void;
}

/** The directories belong to everybody: nginx changes its user. */
export function makeStackSite(): StackSite {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'lbproxy-stack-')));
  chmodSync(dir, 0o755);
  for (const name of ['logs', 'run', 'tls', 'conf', 'html']) mkdirSync(join(dir, name));
  const put = (name: string, content: string | Buffer): void => {
    const file = join(dir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    utimesSync(file, MODIFIED_S, MODIFIED_S);
  };
  for (const [name, content] of Object.entries({ ...FILES, ...SCRIPTS })) put(join('www', name), content);
  for (const [name, content] of Object.entries(PRIVATE)) put(join('private', name), content);
  put('html/index.html', '<p>the default page\n');
  put('html/50x.html', '<p>the default error page\n');
  // admin:secret and other:pass
  put('htpasswd', 'admin:{PLAIN}secret\nother:{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=\n');
  makeCertificate(join(dir, 'tls'), 'site', 'example.com', [
    '*.example.com',
    'hub.example.org',
    'spa.example.org',
  ]);
  put('tls/dhparam.pem', DH_PARAMETERS);
  // Debian's own, which configurations include.
  for (const name of [
    'mime.types',
    'fastcgi_params',
    'fastcgi.conf',
    'proxy_params',
    'uwsgi_params',
    'scgi_params',
    'snippets',
  ])
    cpSync(join('/etc/nginx', name), join(dir, 'conf', name), { recursive: true });
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** ffdhe2048 of RFC 7919. */
const DH_PARAMETERS = execFileSync(
  'openssl',
  ['genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048'],
  {
    encoding: 'latin1',
  },
);

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ family }) => family === 'IPv6'),
);

/** Who runs the tests owns what they make, the sockets too. */
const isRoot = process.getuid?.() === 0;

/** A configuration with this run's user and places for `{dir}`, `{port}`, `{tls}`, `{app}`, `{dead}` and `{fpm}`. */
export function rendered(text: string, places: Readonly<Record<string, string | number>>): string {
  const named = text.replace(/^user .*\n/m, '').replace(/^/, isRoot ? 'user root;\n' : '');
  const own = hasIpv6 ? named : named.replace(/^ *listen \[::\].*\n/gm, '');
  return own.replace(/\{(dir|port|tls|app|dead|fpm)\}/g, (_all, name: string) => String(places[name]));
}
