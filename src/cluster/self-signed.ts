// The self-signed certificate: made once, kept in the state directory, made anew when it is about to expire or the host changed.
// Its key is for its owner alone: one that others had a hand in is not used.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { modeText, type PlainFile, readPlainFile, replaceFile } from '../shared/replace-file.ts';
import { openStateDirectory } from './state-directory.ts';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

const DAYS = 825;
/** Made anew this long before its end. */
const MARGIN_MS = 24 * 3600_000;

export interface SelfSigned extends CertificateFiles {
  /** They were missing, or could not be used. */
  readonly created: boolean;
  /** What whoever runs lbproxy should know of. */
  readonly warnings: readonly string[];
}

/** The files, created when they are missing. Rejects with a text that names the directory and the next step. */
export async function ensureSelfSigned(stateDir: string): Promise<SelfSigned> {
  const files = { certificate: join(stateDir, 'self-signed.crt'), key: join(stateDir, 'self-signed.key') };
  try {
    openStateDirectory(stateDir);
    const problem = problemOfKey(files.key);
    const warnings = problem === null ? [] : [problem];
    if (isUsable(files)) return { ...files, created: false, warnings };
    const pems = await makeCertificate();
    replaceFile(files.key, pems.private, 0o600);
    replaceFile(files.certificate, pems.cert, 0o644);
    return { ...files, created: true, warnings };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    const why = (error as Error).message;
    throw new Error(
      `the self-signed certificate cannot be kept in ${stateDir}: ${why}; set state_path to a directory that lbproxy may write`,
    );
  }
}

async function makeCertificate(): Promise<{ readonly private: string; readonly cert: string }> {
  const now = Date.now();
  const { generate } = await loadMaker();
  return await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - 3600_000),
    notAfterDate: new Date(now + DAYS * 24 * 3600_000),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: alternativeNames() },
    ],
  });
}

/** Loaded only where a certificate is made, and an optional part of the package: it is more than half of what is installed. */
async function loadMaker(): Promise<typeof import('selfsigned')> {
  try {
    return await import('selfsigned');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'a self-signed certificate is made by the package selfsigned, which is not installed: run "npm install selfsigned", ' +
        'or name a certificate of your own',
    );
  }
}

type AltName = { type: 2; value: string } | { type: 7; ip: string };

function alternativeNames(): AltName[] {
  const names: AltName[] = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
  ];
  const host = hostname();
  if (host !== 'localhost' && /^[A-Za-z0-9.-]+$/.test(host)) names.push({ type: 2, value: host });
  return names;
}

const FOR_OTHERS = 0o077;

/** Why a key that is there must not be used, as it may be known to others or theirs; null where there is none as well. */
function problemOfKey(key: string): string | null {
  const why = whyNotOurs(key);
  return why === null ? null : `${key} is not used: ${why}; a new one is made`;
}

function whyNotOurs(path: string): string | null {
  let file: PlainFile;
  try {
    file = readPlainFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ELOOP' ? 'it is a symbolic link' : null;
  }
  const { uid, mode } = file.stat;
  const own = process.geteuid?.() ?? uid;
  if (uid !== own) return `it belongs to user ${uid}, and lbproxy runs as user ${own}`;
  // Windows has no such modes.
  if (process.platform === 'win32' || (mode & FOR_OTHERS) === 0) return null;
  return `its mode ${modeText(file.stat)} lets others use it`;
}

function isUsable(files: CertificateFiles): boolean {
  try {
    const key = createPrivateKey(readPlainFile(files.key).text);
    const certificate = new X509Certificate(readPlainFile(files.certificate).text);
    const host = hostname();
    return (
      whyNotOurs(files.key) === null &&
      certificate.checkPrivateKey(key) &&
      Date.parse(certificate.validTo) - Date.now() > MARGIN_MS &&
      (host === 'localhost' || certificate.checkHost(host) !== undefined)
    );
  } catch {
    return false;
  }
}
