// Certificates and keys as they were read when their configuration was: an acceptor that starts later, or again, has the same ones,
// whatever stands on the disk by then (half of a renewal, for one).
import type { Model } from '../config/model.ts';
import { peerTlsFiles } from '../forward/tls/peer-files.ts';
import { readFileWithin } from '../shared/read-file.ts';

/** Where the self-signed certificate is. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

/** Path → content, in PEM. */
export type TlsFiles = Readonly<Record<string, string>>;

/** Of one file. A chain has a few kilobytes, all authorities of a system a quarter of this. */
const MAX_BYTES = 1 << 20;

/** The bytes of a certificate or a key; throws why there are none. */
export function readPem(path: string): Buffer {
  return readFileWithin(path, { maxBytes: MAX_BYTES });
}

/** Reads what a Model names for TLS, towards clients and towards peers. Throws an error that names the file. */
export function readTlsFiles(model: Model, selfSigned: CertificatePaths | null): TlsFiles {
  const paths = new Set<string>(peerTlsFiles(model));
  for (const { settings } of model.servers) {
    if (!settings.listens.some((listen) => listen.ssl) || settings.sslCertificate === '') continue;
    const own = settings.sslCertificate === 'self-signed' ? selfSigned : null;
    paths.add(own?.certificate ?? settings.sslCertificate);
    paths.add(own?.key ?? settings.sslCertificateKey);
  }
  return Object.fromEntries([...paths].map((path) => [path, contentOf(path)]));
}

function contentOf(path: string): string {
  try {
    // PEM is ASCII; a file that is none comes out as bytes that are no PEM either.
    return readPem(path).toString('latin1');
  } catch (error) {
    const { message } = error as Error;
    throw message.includes(path) ? error : new Error(`${path} cannot be read: ${message}`);
  }
}
