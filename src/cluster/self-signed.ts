// The self-signed certificate: made once, kept in the state directory, made anew when it is about to expire or the host changed.
// Its key is for its owner alone: one that others had a hand in is not used.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { LeafNames } from '../local-ca/leaf.ts';
import { makeSelfSigned } from '../local-ca/maker.ts';
import { readPlainFile, replaceFile, whyNotOurs } from '../shared/replace-file.ts';
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
    const pems = await makeSelfSigned(names(), DAYS * 24 * 3600_000, Date.now());
    replaceFile(files.key, pems.key, 0o600);
    replaceFile(files.certificate, pems.certificate, 0o644);
    return { ...files, created: true, warnings };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    const why = (error as Error).message;
    throw new Error(
      `the self-signed certificate cannot be kept in ${stateDir}: ${why}; set state_path to a directory that lbproxy may write`,
    );
  }
}

function names(): LeafNames {
  const host = hostname();
  const ownName = host !== 'localhost' && /^[A-Za-z0-9.-]+$/.test(host) ? [host] : [];
  return { dns: ['localhost', ...ownName], ips: ['127.0.0.1', '::1'] };
}

/** Why a key that is there must not be used, as it may be known to others or theirs; null where there is none as well. */
function problemOfKey(key: string): string | null {
  const why = whyNotOurs(key);
  return why === null ? null : `${key} is not used: ${why}; a new one is made`;
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
