// What programs are told: files that have ours beside those that they would believe otherwise, and that they can read.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Authority } from '../../src/local-ca/authority.ts';
import { systemAuthorities, TrustFiles } from '../../src/local-ca/trust-files.ts';
import { STRANGER } from '../support/root.ts';

const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
const OURS: Authority = { origin: 'lbproxy', path: '', key: '', certificate: pem('ours') };
const SYSTEM = pem('system');

let dir = '';
let warned: string[] = [];
let files: TrustFiles;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  mkdirSync(join(dir, 'state'), { mode: 0o700 });
  warned = [];
  files = new TrustFiles(join(dir, 'state'), (message) => void warned.push(message));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}

/** Variable → what is in its file. */
const told = (uid: number | null = null): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files.variablesFor(uid)).map(([name, path]) => [name, readFileSync(path, 'utf8')]),
  );

it('is the authority, for Node, and a file of all for others', () => {
  expect(told()).toEqual({});
  files.use(OURS, {}, SYSTEM);
  const both = SYSTEM + OURS.certificate;
  expect(told()).toEqual({
    NODE_EXTRA_CA_CERTS: OURS.certificate,
    SSL_CERT_FILE: both,
    REQUESTS_CA_BUNDLE: both,
  });
  files.forget();
  expect(told()).toEqual({});
});

it('has what lbproxy was told of itself, and leaves alone what cannot be read', () => {
  const company = pem('company');
  const env = {
    SSL_CERT_FILE: put('company.crt', company.trimEnd()),
    NODE_EXTRA_CA_CERTS: put('node.crt', pem('node')),
    REQUESTS_CA_BUNDLE: dir,
    CURL_CA_BUNDLE: put('curl.crt', pem('curl')),
  };
  files.use(OURS, env, SYSTEM);
  expect(told()).toEqual({
    NODE_EXTRA_CA_CERTS: pem('node') + OURS.certificate,
    SSL_CERT_FILE: company + OURS.certificate,
    CURL_CA_BUNDLE: pem('curl') + OURS.certificate,
  });
});

it('does not grow where lbproxy runs lbproxy', () => {
  files.use(OURS, {}, SYSTEM);
  const before = told();
  files.use(OURS, files.variablesFor(null), SYSTEM);
  expect(told()).toEqual(before);
});

it('is not told to programs of a user who cannot read it, and that is told once', () => {
  files.use(OURS, {}, SYSTEM);
  chmodSync(dir, 0o755);
  expect(told(STRANGER)).toEqual({});
  expect(told(STRANGER)).toEqual({});
  expect(warned).toEqual([
    expect.stringContaining(
      `programs of user ${STRANGER} do not learn of the local authority, as they cannot read`,
    ),
  ]);
  chmodSync(join(dir, 'state'), 0o711);
  expect(Object.keys(told(STRANGER))).toHaveLength(3);
  for (const path of Object.values(files.variablesFor(STRANGER)))
    expect(statSync(path).mode & 0o777).toBe(0o644);
});

it('knows the authorities of the system, or takes those of Node', () => {
  const here = put('system.crt', SYSTEM);
  expect(systemAuthorities([join(dir, 'none'), put('empty', ''), here])).toBe(SYSTEM);
  expect(systemAuthorities([dir])).toBe(rootCertificates.join('\n'));
});
