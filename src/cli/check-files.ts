// What a configuration names and a start would open: certificates, keys, logs. All that cannot be used is told at once, each at its
// own directive; compiling, which comes after, would tell of the first one and its server only.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { ServerModel, Settings } from '../config/model.ts';
import { formatPosition } from '../config/problem.ts';
import { rowsNamed } from '../config/registry.ts';
import type { Directive, Position, Tree } from '../config/tree.ts';
import { readPem } from '../listen/tls-files.ts';
import { reasonOf } from '../observe/log-output.ts';
import type { ReadConfig } from './read-config.ts';

type Report = (at: Position, message: string) => void;

export function checkFiles({ file, model, tree, problems }: ReadConfig): void {
  if (model === undefined || tree === undefined) return;
  const said = new Set<string>();
  // A certificate of the http level is that of all its servers.
  const report: Report = (at, message) => {
    if (!said.has(formatPosition(at) + message)) problems.error(at, message);
    said.add(formatPosition(at) + message);
  };
  const nowhere = { file, line: 1, column: 1 };
  for (const server of model.servers) {
    if (!server.settings.listens.some((listen) => listen.ssl)) continue;
    checkServer(server.settings, (key) => directiveOf(tree, server, key)?.at ?? nowhere, report);
  }
  const { errorLog } = model.settings;
  for (const { key, name, path, at } of logsOf(tree.directives, model.prefix)) {
    // -e takes its place.
    if (key === 'errorLog' && path !== errorLog.path) continue;
    const problem = whyNoLog(path);
    if (problem !== undefined) report(at, `${name} ${path} cannot be opened: ${problem}`);
  }
}

type PlaceOf = (key: keyof Settings) => Position;

function checkServer(settings: Settings, placeOf: PlaceOf, report: Report): void {
  const { sslCertificate, sslCertificateKey, sslCiphers } = settings;
  if (sslCiphers !== '') {
    const problem = thrownBy(() => createSecureContext({ ciphers: sslCiphers }));
    if (problem !== undefined) report(placeOf('sslCiphers'), `ssl_ciphers ${sslCiphers}: ${problem}`);
  }
  if (sslCertificate === 'self-signed' || sslCertificate === '' || sslCertificateKey === '') return;
  const onCertificate = (what: string): void =>
    report(placeOf('sslCertificate'), `ssl_certificate ${sslCertificate} ${what}`);
  const onKey = (what: string): void =>
    report(placeOf('sslCertificateKey'), `ssl_certificate_key ${sslCertificateKey} ${what}`);
  const certificate = readCertificate(sslCertificate, onCertificate);
  const key = readKey(sslCertificateKey, onKey);
  if (certificate === undefined || key === undefined) return;
  if (!certificate.leaf.checkPrivateKey(key.key))
    return onKey(`does not belong to ${sslCertificate}: name the key that the certificate was made with`);
  const problem = thrownBy(() => createSecureContext({ cert: certificate.pem, key: key.pem }));
  if (problem !== undefined) onCertificate(`cannot be used: ${problem}`);
}

type Say = (what: string) => void;

function readCertificate(path: string, say: Say): { pem: Buffer; leaf: X509Certificate } | undefined {
  const pem = contentOf(path);
  if (typeof pem === 'string') return void say(pem);
  const leaf = madeBy(() => new X509Certificate(pem));
  if (leaf !== undefined) return { pem, leaf };
  say('holds no certificate in PEM: name the file with -----BEGIN CERTIFICATE-----');
}

function readKey(path: string, say: Say): { pem: Buffer; key: KeyObject } | undefined {
  const pem = contentOf(path);
  if (typeof pem === 'string') return void say(pem);
  const key = madeBy(() => createPrivateKey(pem));
  if (key !== undefined) return { pem, key };
  if (pem.includes('ENCRYPTED'))
    return void say(
      'is encrypted, and nobody is asked for its passphrase: write it without one, openssl pkey -in',
    );
  say('holds no private key in PEM: name the file with -----BEGIN PRIVATE KEY-----');
}

function contentOf(path: string): Buffer | string {
  try {
    return readPem(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'cannot be read: there is no such file';
    if (code === 'EACCES') return 'cannot be read: permission denied; let the user of lbproxy read it';
    return `cannot be read: ${code === 'EISDIR' ? 'it is a directory' : message}`;
  }
}

function madeBy<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

function thrownBy(make: () => unknown): string | undefined {
  try {
    make();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The directive that gives a server a setting: its own, else the one of the levels around. */
function directiveOf(tree: Tree, server: ServerModel, key: keyof Settings): Directive | undefined {
  const http = tree.directives.filter(({ name }) => name === 'http').flatMap(({ block }) => block ?? []);
  const level = [...tree.directives, ...http];
  const own = level.find(({ name, at }) => name === 'server' && formatPosition(at) === server.at);
  const sets = ({ name }: Directive): boolean => keyOf(name) === key;
  return own?.block?.find(sets) ?? level.find(sets) ?? own;
}

function keyOf(name: string): keyof Settings | undefined {
  return rowsNamed(name)
    .filter((row) => row.kind === 'setting')
    .map((row) => row.key)[0];
}

interface LogDirective {
  readonly key: 'accessLog' | 'errorLog';
  readonly name: string;
  readonly path: string;
  readonly at: Position;
}

const NO_FILES: readonly string[] = ['off', 'stdout', 'stderr', '/dev/stdout', '/dev/stderr'];

/** Every directive that names a file to log to. */
function logsOf(directives: readonly Directive[], prefix: string): LogDirective[] {
  return directives.flatMap(({ name, args, block, at }) => {
    if (block !== undefined) return logsOf(block, prefix);
    const key = keyOf(name);
    const text = args[0]?.text ?? 'off';
    if ((key !== 'accessLog' && key !== 'errorLog') || NO_FILES.includes(text)) return [];
    return [{ key, name, path: resolve(prefix, text), at }];
  });
}

/** Without opening it: a configuration that is refused leaves no files behind. */
function whyNoLog(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  try {
    if (stat?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    // With the slash a file is no directory.
    accessSync(stat === undefined ? `${dirname(path)}/` : path, constants.W_OK);
    return undefined;
  } catch (error) {
    return reasonOf(path, error);
  }
}
