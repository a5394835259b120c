// The self-signed certificate: made once, kept in the state directory, made anew when it is about to expire or the host changed.
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

const DAYS = 825;
/** Made anew this long before its end. */
const MARGIN_MS = 24 * 3600_000;

/** The files, created when they are missing; `created` tells whether they were. */
export async function ensureSelfSigned(
  stateDir: string,
): Promise<CertificateFiles & { readonly created: boolean }> {
  const files = { certificate: join(stateDir, 'self-signed.crt'), key: join(stateDir, 'self-signed.key') };
  if (isUsable(files)) return { ...files, created: false };
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const now = Date.now();
  const { generate } = await loadMaker();
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
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
  write(files.key, pems.private, 0o600);
  write(files.certificate, pems.cert, 0o644);
  return { ...files, created: true };
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

function isUsable(files: CertificateFiles): boolean {
  if (!existsSync(files.certificate) || !existsSync(files.key)) return false;
  try {
    const certificate = new X509Certificate(readFileSync(files.certificate));
    const host = hostname();
    return (
      Date.parse(certificate.validTo) - Date.now() > MARGIN_MS &&
      (host === 'localhost' || certificate.checkHost(host) !== undefined)
    );
  } catch {
    return false;
  }
}

/** Never a half-written file under the real name. */
function write(path: string, text: string, mode: number): void {
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, text, { mode });
  renameSync(part, path);
}
