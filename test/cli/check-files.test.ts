// What -t says of files and places that cannot be used: the directive's place, the file, the cause, what to do.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkFiles } from '../../src/cli/check-files.ts';
import { readConfig } from '../../src/cli/read-config.ts';
import { makeSelfSigned } from '../../src/local-ca/maker.ts';
import { makeCertificate } from '../support/certificates.ts';
import { spawnLbproxy } from '../support/lbproxy-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-files-'));
const path = (name: string): string => join(dir, name);

beforeAll(async () => {
  makeCertificate(dir, 'a', 'a.example');
  makeCertificate(dir, 'ca', 'ca.example');
  const openssl = (line: string): void => {
    execFileSync('openssl', line.split(' '), { cwd: dir, stdio: 'ignore' });
  };
  openssl('x509 -in a.crt -outform der -out a.der');
  openssl('pkey -in a.key -outform der -out key.der');
  openssl('pkey -in a.key -aes256 -passout pass:x -out encrypted.key');
  openssl('req -x509 -newkey rsa:512 -nodes -days 2 -subj /CN=a -keyout short.key -out short.crt');
  openssl('pkcs12 -export -in a.crt -inkey a.key -passout pass: -out a.p12');
  const old = await makeSelfSigned({ dns: ['old.example'], ips: [] }, 1000, 0);
  writeFileSync(path('old.crt'), old.certificate);
  writeFileSync(path('old.key'), old.key);
  const [own, issuer] = ['a.crt', 'ca.crt'].map((name) => readFileSync(path(name), 'utf8'));
  writeFileSync(path('order.pem'), issuer + own);
  writeFileSync(path('chain.pem'), own + issuer);
  writeFileSync(path('damaged.pem'), own + issuer.replaceAll('M', '!'));
  writeFileSync(path('empty'), '');
  mkdirSync(path('folder'));
  symlinkSync('loop', path('loop'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The problems as `line:column: text`, DIR for the directory. */
function problemsOf(text: string): string[] {
  const file = path('t.conf');
  writeFileSync(file, text.replaceAll('DIR', dir));
  const read = readConfig(file, { test: true });
  if (read.model !== undefined) checkFiles(read);
  return read.problems.list.map(({ at, severity, message }) => {
    const mark = severity === 'warning' ? 'warning: ' : '';
    return `${at.line}:${at.column}: ${mark}${message}`.replaceAll(dir, 'DIR');
  });
}

describe('a certificate and its key', () => {
  it.each([
    ['a.crt', 'a.key', []],
    ['chain.pem', 'a.key', []],
    [
      'a.crt',
      'ca.key',
      [
        '3:1: ssl_certificate_key DIR/ca.key does not belong to DIR/a.crt: name the key that the certificate was made with',
      ],
    ],
    [
      'order.pem',
      'a.key',
      [
        '2:1: ssl_certificate DIR/order.pem begins with the certificate of "ca.example", and the key belongs to that of "a.example": put the server\'s own first, then that of who signed it',
      ],
    ],
    [
      'a.der',
      'a.key',
      [
        '2:1: ssl_certificate DIR/a.der is in DER, not in PEM: openssl x509 -inform der -in DIR/a.der -out DIR/a.der.pem',
      ],
    ],
    [
      'a.crt',
      'key.der',
      [
        '3:1: ssl_certificate_key DIR/key.der is in DER, not in PEM: openssl pkey -inform der -in DIR/key.der -out DIR/key.der.pem',
      ],
    ],
    [
      'a.p12',
      'a.key',
      [
        '2:1: ssl_certificate DIR/a.p12 is no PEM: it looks like PKCS #12; take the certificates out of it: openssl pkcs12 -in DIR/a.p12 -nokeys -out DIR/a.p12.pem',
      ],
    ],
    [
      'a.crt',
      'a.p12',
      [
        '3:1: ssl_certificate_key DIR/a.p12 is no PEM: it looks like PKCS #12; take the key out of it: openssl pkcs12 -in DIR/a.p12 -nocerts -nodes -out DIR/a.p12.pem',
      ],
    ],
    [
      'a.crt',
      'encrypted.key',
      [
        '3:1: ssl_certificate_key DIR/encrypted.key is encrypted, and nobody is asked for its passphrase: name a file with it, ssl_password_file, or write it without one, openssl pkey -in DIR/encrypted.key -out DIR/encrypted.key.plain',
      ],
    ],
    [
      'a.key',
      'a.crt',
      [
        '2:1: ssl_certificate DIR/a.key holds a private key and no certificate: did ssl_certificate and ssl_certificate_key change places?',
        '3:1: ssl_certificate_key DIR/a.crt holds a certificate and no private key: did ssl_certificate and ssl_certificate_key change places?',
      ],
    ],
    [
      'old.crt',
      'old.key',
      [
        expect.stringMatching(
          /^2:1: warning: ssl_certificate DIR\/old\.crt has expired, on .* GMT: clients refuse it; renew it$/,
        ),
      ],
    ],
    [
      'short.crt',
      'short.key',
      [
        '2:1: ssl_certificate DIR/short.crt cannot be used: its key is too short to be safe; make one of 2048 bits, or with a curve',
      ],
    ],
    [
      'damaged.pem',
      'a.key',
      [
        '2:1: ssl_certificate DIR/damaged.pem cannot be used: it is damaged behind its first certificate (PEM routines::bad base64 decode); get the chain anew from who signed it',
      ],
    ],
    [
      'empty',
      'folder',
      [
        '2:1: ssl_certificate DIR/empty holds no certificate in PEM: name the file with -----BEGIN CERTIFICATE-----',
        '3:1: ssl_certificate_key DIR/folder cannot be read: it is a directory',
      ],
    ],
    ['none.crt', 'a.key', ['2:1: ssl_certificate DIR/none.crt cannot be read: there is no such file']],
    ['a.crt', 'none.key', ['3:1: ssl_certificate_key DIR/none.key cannot be read: there is no such file']],
    ['a.crt', 'loop', ['3:1: ssl_certificate_key DIR/loop cannot be read: symbolic links lead in a circle']],
  ])('%s and %s', (certificate, key, problems) => {
    const pair = `ssl_certificate DIR/${certificate};\nssl_certificate_key DIR/${key};`;
    expect(problemsOf(`http { server { listen 443 ssl;\n${pair} } }`)).toEqual(problems);
  });

  it('ciphers that nobody knows', () => {
    expect(
      problemsOf(
        'http { server { listen 443 ssl; ssl_certificate self-signed;\nssl_ciphers NONE-OF-THEM; } }',
      ),
    ).toEqual([
      '2:1: ssl_ciphers NONE-OF-THEM: OpenSSL knows none of them; leave the line out, or see "openssl ciphers"',
    ]);
  });
});

const LONG = 'x'.repeat(120);

/** With each, what a start says too. */
const PLACES: readonly (readonly [string, string])[] = [
  ['pid DIR/folder;', 'pid DIR/folder is a directory: name a file in it, DIR/folder/lbproxy.pid'],
  ['pid DIR/a.key/x/y;', 'pid DIR/a.key/x/y cannot be written: DIR/a.key is no directory'],
  ['state_path DIR/a.key;', 'state_path DIR/a.key is no directory: name another, or remove the file'],
  ['state_path DIR/a.key/x;', 'state_path DIR/a.key/x cannot be made: DIR/a.key is no directory'],
];

const SOCKETS: readonly (readonly [string, string])[] = [
  ['DIR/none/s', 'cannot listen on unix:DIR/none/s: there is no directory DIR/none; make it'],
  ['DIR/a.key/s', 'cannot listen on unix:DIR/a.key/s: DIR/a.key is no directory'],
  [
    'DIR/folder',
    'cannot listen on unix:DIR/folder: something is there, and it is no socket; remove it, or choose another path',
  ],
  [
    'DIR/loop',
    'cannot listen on unix:DIR/loop: something is there, and it is no socket; remove it, or choose another path',
  ],
  [
    `/${LONG}`,
    `cannot listen on unix:/${LONG}: the path is longer than the 107 bytes that a socket's may have`,
  ],
];

describe('places', () => {
  it.each(PLACES)('%s', (text, problem) => {
    expect(problemsOf(`\n  ${text} http { server { listen 1; return 204; } }`)).toEqual([`2:3: ${problem}`]);
  });

  it.each(SOCKETS)('listen unix:%s', (socket, problem) => {
    expect(problemsOf(`http { server {\nlisten unix:${socket}; return 204; } }`)).toEqual([
      `2:8: ${problem}`,
    ]);
  });

  it('a log that is a link to itself', () => {
    expect(problemsOf('error_log DIR/loop; http { server { listen 1; return 204; } }')).toEqual([
      '1:1: error_log DIR/loop cannot be opened: symbolic links lead in a circle: change the path',
    ]);
  });

  it('a state directory that nobody can look at', () => {
    expect(problemsOf('state_path DIR/loop/x; http { server { listen 1; return 204; } }')).toEqual([]);
  });

  it('a start says the same, and ends', async () => {
    const lbproxy = await spawnLbproxy(
      `pid ${path('folder')}; http { server { listen unix:${path('none')}/s; return 204; } }`,
    );
    expect((await lbproxy.exited).code).toBe(1);
    expect(lbproxy.stderr()).toContain(
      `nginx.conf:1:1: pid ${path('folder')} is a directory: name a file in it`,
    );
    expect(lbproxy.stderr()).toContain(`: cannot listen on unix:${path('none')}/s: there is no directory`);
    expect(lbproxy.stderr()).not.toContain('    at ');
  });

  it('a path that is too long, a link to itself, a file for a directory', () => {
    symlinkSync(path('circle'), path('circle'));
    const long = 'x'.repeat(300);
    expect(
      problemsOf(
        `error_log ${path(long)};\nhttp {\naccess_log ${path('circle')};\nserver { listen 1 ssl; ssl_certificate ${path(long)}; ssl_certificate_key ${path('circle')}; root ${path(long)}; } }`,
      ).map((problem) => problem.replaceAll(long, 'LONG')),
    ).toEqual([
      '4:24: ssl_certificate DIR/LONG cannot be read: the name is longer than the file system takes',
      '4:368: ssl_certificate_key DIR/circle cannot be read: symbolic links lead in a circle',
      '1:1: error_log DIR/LONG cannot be opened: the name is longer than the file system takes: choose a shorter one',
      '3:1: access_log DIR/circle cannot be opened: symbolic links lead in a circle: change the path',
      '4:422: warning: root DIR/LONG holds a log (LONG): whoever asks for them gets them; serve a directory of its own',
    ]);
    expect(problemsOf(`state_path ${path(long)}; http { server { listen 1; } }`)).toEqual([]);
  });

  it('a NUL in a file', () => {
    expect(problemsOf('http {\nroot "a\0b"; }')).toEqual([
      '1:1: cannot read this file: a NUL byte is in line 2: it is no text, or was damaged; restore or correct it',
    ]);
  });

  it('a NUL in JSON, and in an include', () => {
    const file = path('t.json');
    writeFileSync(file, '{ "pid": "a\\u0000b", "include": "a\\u0000b" }');
    const { problems } = readConfig(file, { test: true });
    expect(problems.list.map(({ at, message }) => `${at.column} ${message}`)).toEqual([
      expect.stringMatching(/^33 cannot include ".*": a NUL character stands in the path$/),
      '10 a NUL character stands in an argument of "pid"; remove it',
    ]);
  });
});

describe('a directory for bodies', () => {
  it.each([
    ['DIR/not/there 1 2', []],
    ['DIR/folder', []],
    ['DIR/empty/below', ['DIR/empty is no directory']],
    ['DIR/empty', ['DIR/empty is no directory']],
  ])('%s', (path, problems) => {
    const found = problemsOf(`http { server { listen 1; location / { client_body_temp_path ${path}; } } }`);
    expect(found.length).toBe(problems.length);
    for (const [i, problem] of problems.entries()) {
      expect(found[i]).toMatch(/^1:40: warning: client_body_temp_path /);
      expect(found[i]).toContain(problem);
    }
  });
});

describe('files of TLS towards peers', () => {
  const conf = (settings: string, url = 'https://127.0.0.1:1'): string =>
    `http { ${settings}\nserver { listen 127.0.0.1:0; location / { proxy_pass ${url}; } } }`;

  it.each([
    [
      'proxy_ssl_verify on; proxy_ssl_trusted_certificate DIR/none;',
      ['1:29: proxy_ssl_trusted_certificate DIR/none cannot be read: there is no such file'],
    ],
    [
      'proxy_ssl_certificate DIR/folder; proxy_ssl_certificate_key DIR/a.key;',
      ['1:8: proxy_ssl_certificate DIR/folder cannot be read: it is a directory'],
    ],
    [
      'proxy_ssl_password_file DIR/loop;',
      ['1:8: proxy_ssl_password_file DIR/loop cannot be read: symbolic links lead in a circle'],
    ],
    // Nobody is verified: the file is not asked for, as in nginx.
    ['proxy_ssl_trusted_certificate DIR/none;', []],
    ['proxy_ssl_verify on; proxy_ssl_trusted_certificate DIR/ca.crt; proxy_ssl_certificate DIR/$arg_a;', []],
  ])('%s', (settings, problems) => {
    expect(problemsOf(conf(settings))).toEqual(problems);
  });

  it('are not asked for where no TLS is spoken', () => {
    const settings = 'proxy_ssl_verify on; proxy_ssl_trusted_certificate DIR/none;';
    expect(problemsOf(conf(settings, 'http://127.0.0.1:1'))).toEqual([]);
    expect(problemsOf(conf(settings, 'https://$host'))).toHaveLength(1);
  });
});
