// Certificates and keys as they were read when their configuration was: an acceptor that starts later, or again, has the same ones,
// whatever stands on the disk by then (half of a renewal, for one).
import type { Model } from '../config/model.ts';
import { readRegularFile } from '../shared/read-regular-file.ts';

/** Where the self-signed certificate is. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

/** Path → content, in PEM. */
export type TlsFiles = Readonly<Record<string, string>>;

/** Reads what the TLS servers of a Model name. Throws an error that names the file. */
export function readTlsFiles(model: Model, selfSigned: CertificatePaths | null): TlsFiles {
  const paths = new Set<string>();
  for (const { settings } of model.servers) {
    if (!settings.listens.some((listen) => listen.ssl) || settings.sslCertificate === '') continue;
    const own = settings.sslCertificate === 'self-signed' ? selfSigned : null;
    paths.add(own?.certificate ?? settings.sslCertificate);
    paths.add(own?.key ?? settings.sslCertificateKey);
  }
  // PEM is ASCII; a file that is none comes out as bytes that are no PEM either.
  return Object.fromEntries([...paths].map((path) => [path, readRegularFile(path).latin1Slice()]));
}
