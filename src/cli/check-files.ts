// What a configuration names and a start would open: certificates, keys, logs, the pid file, Unix sockets. All that cannot be used is told at once, each at its
// own directive; compiling, which comes after, would tell of the first one and its server only.
import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { listensOf } from '../cluster/needs.ts';
import { whyNoSocket, whyNotMade } from '../cluster/writable-place.ts';
import type { Model, ServerModel, Settings } from '../config/model.ts';
import { positionOf } from '../config/places.ts';
import { formatPosition, type Problems, type Severity } from '../config/problem.ts';
import { rowsNamed } from '../config/registry.ts';
import { type Directive, everyDirective, type Position, type Tree } from '../config/tree.ts';
import { forgetPipes } from '../listen/tls-files.ts';
import { LOCAL } from '../local-ca/names.ts';
import { problemOfLink, reasonOf } from '../observe/log-output.ts';
import { constantOf } from '../route/template.ts';
import { isSyslog } from '../shared/syslog-target.ts';
import { ocspQuestion } from '../socket/tls/ocsp.ts';
import { checkCiphers, checkPair, pemIn, whyUnreadable } from './check-certificates.ts';
import { exposureOfKey, exposureOfLink, warnOfExposure } from './check-exposure.ts';
import { checkPeerFiles } from './check-peer-files.ts';
import { checkTempPaths } from './check-temp-paths.ts';
import { warnOfUser } from './check-user.ts';
import type { ReadConfig } from './read-config.ts';

type Report = (at: Position, message: string, severity?: Severity) => void;

/** `advises`: also of what is good, and risky. */
export function checkFiles(read: ReadConfig, advises = true): void {
  const { file, model, tree, problems } = read;
  if (model === undefined || tree === undefined) return;
  forgetPipes();
  const report = once(problems, advises);
  const nowhere = { file, line: 1, column: 1 };
  checkPlaces(model, (key) => directiveSetting(tree.directives, key)?.at ?? nowhere, report);
  checkSockets(model, report);
  const all = everyDirective(tree.directives);
  checkTempPaths(all, model.prefix, (at, message) => report(at, message, 'warning'));
  for (const server of model.servers) {
    const placeOf: PlaceOf = (key, n) => directiveOf(tree, server, key, n)?.at ?? nowhere;
    if (server.settings.listens.some((listen) => listen.ssl)) checkServer(server.settings, placeOf, report);
    // As in nginx it is read wherever it stands.
    else checkTlsFiles(server.settings, placeOf, report, PASSPHRASES);
  }
  checkPeerFiles(all, model, report);
  const { errorLog } = model.settings;
  const logs = logsOf(all, model.prefix);
  for (const { key, name, path, at } of logs) {
    // -e takes its place.
    if (key === 'errorLog' && !errorLog.some((log) => log.path === path)) continue;
    const problem = whyNoLog(path);
    if (problem !== undefined) report(at, `${name} ${path} cannot be opened: ${problem}`);
    else if (isLink(path))
      warnIf(exposureOfLink(path), (text) => report(at, `${name} ${path} ${text}`, 'warning'));
  }
  if (!advises) return;
  warnOfExposure(
    read,
    all,
    logs.map(({ path }) => path),
  );
  warnOfUser(tree, problems);
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function warnIf(text: string | undefined, warn: (text: string) => void): void {
  if (text !== undefined) warn(text);
}

/** Says each thing once: a certificate of the http level is that of all its servers. */
function once(problems: Problems, advises: boolean): Report {
  const said = new Set<string>();
  return (at, message, severity = 'error') => {
    if (severity === 'warning' && !advises) return;
    if (!said.has(formatPosition(at) + message)) problems.list.push({ severity, at, message });
    said.add(formatPosition(at) + message);
  };
}

/** Of the directive that gives a setting; of a list, its n-th. */
type PlaceOf = (key: keyof Settings, n?: number) => Position;

function checkServer(settings: Settings, placeOf: PlaceOf, report: Report): void {
  const { sslCertificate, sslCertificateKey, sslCiphers } = settings;
  const problem = checkCiphers(sslCiphers);
  if (problem !== undefined) report(placeOf('sslCiphers'), `ssl_ciphers ${sslCiphers}: ${problem}`);
  checkTlsFiles(settings, placeOf, report);
  const unstapled = whyNoStaple(settings);
  if (unstapled !== undefined)
    report(placeOf('sslStapling'), `ssl_stapling has no effect: ${unstapled}`, 'warning');
  const passphrases = pemIn(settings.sslPasswordFile);
  for (const [i, template] of sslCertificate.entries()) {
    const certificatePath = constantOf(template);
    const keyPath = constantOf(sslCertificateKey[i] ?? '');
    // With variables nobody knows before a client comes.
    if (!certificatePath || !keyPath || template === 'self-signed' || template === LOCAL) continue;
    const onKey = (what: string, severity?: Severity): void =>
      report(placeOf('sslCertificateKey', i), `ssl_certificate_key ${shown(keyPath)} ${what}`, severity);
    const onCertificate = (what: string, severity?: Severity): void =>
      report(placeOf('sslCertificate', i), `ssl_certificate ${shown(certificatePath)} ${what}`, severity);
    checkPair({ certificatePath, keyPath }, passphrases, {
      onCertificate,
      onKey,
      warnOfCertificate: (what) => onCertificate(what, 'warning'),
    });
    if (!keyPath.startsWith('data:')) warnIf(exposureOfKey(keyPath), (text) => onKey(text, 'warning'));
  }
}

/** Why nothing will be stapled; nginx has it as a warning, too. */
function whyNoStaple(settings: Settings): string | undefined {
  const { sslStapling, sslStaplingFile, sslStaplingVerify, sslCertificate, sslTrustedCertificate } = settings;
  if (!sslStapling) return undefined;
  const [place, ...others] = sslCertificate.map((template) => constantOf(template));
  if (others.length > 0) return 'there are several certificates, and Node does not tell which one is shown';
  if (place === undefined || place === 'self-signed' || place === LOCAL)
    return 'the certificate is not known before a client comes';
  if (sslStaplingFile !== '') return undefined;
  const pem = pemIn(place);
  const question = ocspQuestion(pem, pemIn(sslTrustedCertificate), settings.sslStaplingResponder);
  if (typeof question === 'string' && pem !== '') return question;
  return sslStaplingVerify
    ? 'ssl_stapling_verify is on, and who signed an answer is not looked at'
    : undefined;
}

/** A key is not told to whoever reads messages. */
const shown = (place: string): string => (place.startsWith('data:') ? 'data:…' : place);

const NAMED: readonly (readonly [key: keyof Settings & `ssl${string}`, name: string])[] = [
  ['sslClientCertificate', 'ssl_client_certificate'],
  ['sslTrustedCertificate', 'ssl_trusted_certificate'],
  ['sslCrl', 'ssl_crl'],
  ['sslDhparam', 'ssl_dhparam'],
  ['sslStaplingFile', 'ssl_stapling_file'],
  ['sslPasswordFile', 'ssl_password_file'],
  ['sslSessionTicketKey', 'ssl_session_ticket_key'],
];

const PASSPHRASES = NAMED.filter(([key]) => key === 'sslPasswordFile');

/** Files that cannot be read; what is wrong inside of them compiling tells. */
function checkTlsFiles(settings: Settings, placeOf: PlaceOf, report: Report, named = NAMED): void {
  for (const [key, name] of named)
    for (const [i, path] of [settings[key]].flat().entries()) {
      if (typeof path !== 'string' || path === '') continue;
      const problem = whyUnreadable(path);
      if (problem !== undefined) report(placeOf(key, i), `${name} ${shown(path)} ${problem}`);
    }
}

/** The pid file and the state directory, where the file names them. */
function checkPlaces({ settings: { pidFile, statePath } }: Model, placeOf: PlaceOf, report: Report): void {
  const onPid = (what: string): void => report(placeOf('pidFile'), `pid ${pidFile} ${what}`);
  const onState = (what: string): void => report(placeOf('statePath'), `state_path ${statePath} ${what}`);
  if (pidFile !== '') {
    const problem = whyNotMade(pidFile);
    if (isDirectory(pidFile)) onPid(`is a directory: name a file in it, ${join(pidFile, 'lbproxy.pid')}`);
    else if (problem !== undefined) onPid(`cannot be written: ${problem}`);
  }
  if (statePath === '' || isDirectory(statePath)) return;
  const problem = whyNotMade(statePath);
  if (isDirectory(statePath) === false) onState('is no directory: name another, or remove the file');
  else if (problem !== undefined) onState(`cannot be made: ${problem}`);
}

/** Undefined where nothing is. */
function isDirectory(path: string): boolean | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory();
  } catch {
    return undefined;
  }
}

function checkSockets(model: Model, report: Report): void {
  for (const { path, at } of listensOf(model).values()) {
    const problem = path === '' ? undefined : whyNoSocket(path);
    if (problem !== undefined) report(positionOf(at), `cannot listen on unix:${path}: ${problem}`);
  }
}

/** The directive that gives a server a setting: its own, else the one of the levels around. */
function directiveOf(tree: Tree, server: ServerModel, key: keyof Settings, n = 0): Directive | undefined {
  const http = tree.directives.filter(({ name }) => name === 'http').flatMap(({ block }) => block ?? []);
  const level = [...tree.directives, ...http];
  const own = level.find(({ name, at }) => name === 'server' && formatPosition(at) === server.at);
  return directiveSetting(own?.block ?? [], key, n) ?? directiveSetting(level, key, n) ?? own;
}

function directiveSetting(
  directives: readonly Directive[],
  key: keyof Settings,
  n = 0,
): Directive | undefined {
  const all = directives.filter(({ name }) => keyOf(name) === key);
  return all[n] ?? all[0];
}

function keyOf(name: string): keyof Settings | undefined {
  for (const row of rowsNamed(name)) if (row.kind === 'setting') return row.key;
  return undefined;
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
  const logs: LogDirective[] = [];
  for (const { name, args, block, at } of directives) {
    const key = block === undefined ? keyOf(name) : undefined;
    if (key !== 'accessLog' && key !== 'errorLog') continue;
    const text = args[0]?.text ?? 'off';
    if (NO_FILES.includes(text) || isSyslog(text)) continue;
    // Whose path a request decides cannot be tried before.
    if (key === 'accessLog' && text.includes('$')) continue;
    logs.push({ key, name, path: resolve(prefix, text), at });
  }
  return logs;
}

/** Without opening it: a configuration that is refused leaves no files behind. */
function whyNoLog(path: string): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    const stranger = problemOfLink(path);
    if (stranger !== undefined) return stranger;
    // With the slash a file is no directory.
    accessSync(stat === undefined ? `${dirname(path)}/` : path, constants.W_OK);
    return undefined;
  } catch (error) {
    return reasonOf(path, error);
  }
}
