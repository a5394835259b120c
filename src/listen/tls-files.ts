// Certificates, keys and what else TLS reads, as they were when their configuration was: an acceptor that starts later, or again, has the
// same ones, whatever stands on the disk by then (half of a renewal, for one).
import { statSync } from 'node:fs';
import type { Model, Settings } from '../config/model.ts';
import { peerTlsFiles } from '../forward/tls/peer-files.ts';
import { LOCAL } from '../local-ca/names.ts';
import { constantOf } from '../route/template.ts';
import { readFileWithin } from '../shared/read-file.ts';
import { readPipe } from '../shared/read-pipe.ts';

/** Where the self-signed certificate is. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

/** These words stand for certificates that lbproxy makes. */
const MADE: readonly string[] = ['self-signed', LOCAL];

/** Path → content, bytes as latin1. */
export type TlsFiles = Readonly<Record<string, string>>;

/** Of one file. A chain has a few kilobytes, all authorities of a system a quarter of this. */
const MAX_BYTES = 1 << 20;

/** What came out of named pipes: it comes once, and more than one asks. */
const piped = new Map<string, Buffer>();

/** The next configuration reads its pipes anew. */
export function forgetPipes(): void {
  piped.clear();
}

/** The bytes of a certificate, a key or the like, also behind `data:`; throws why there are none. */
export function readPem(place: string): Buffer {
  if (place.startsWith('data:')) return Buffer.from(place.slice('data:'.length), 'latin1');
  const known = piped.get(place);
  if (known !== undefined) return known;
  if (statSync(place, { throwIfNoEntry: false })?.isFIFO() !== true)
    return readFileWithin(place, { maxBytes: MAX_BYTES });
  const content = readPipe(place, MAX_BYTES);
  piped.set(place, content);
  return content;
}

/** Reads what a Model names for TLS, towards clients and towards peers. Throws an error that names the file. */
export function readTlsFiles(model: Model, selfSigned: CertificatePaths | null): TlsFiles {
  const paths = new Set<string>(peerTlsFiles(model));
  for (const { settings } of model.servers) {
    if (settings.sslPasswordFile !== '') paths.add(settings.sslPasswordFile);
    if (!settings.listens.some((listen) => listen.ssl)) continue;
    for (const path of clientTlsFiles(settings, selfSigned)) paths.add(path);
  }
  return Object.fromEntries([...paths].map((path) => [path, contentOf(path)]));
}

/** What a server's TLS needs, as far as that is known before a client comes. */
function clientTlsFiles(settings: Settings, selfSigned: CertificatePaths | null): string[] {
  const pairs = [...settings.sslCertificate, ...settings.sslCertificateKey].map((place) => constantOf(place));
  const own =
    pairs.includes('self-signed') && selfSigned !== null ? [selfSigned.certificate, selfSigned.key] : [];
  const verify =
    settings.sslVerifyClient === 'off'
      ? []
      : [settings.sslClientCertificate, settings.sslTrustedCertificate, settings.sslCrl];
  const staple = settings.sslStapling ? [settings.sslStaplingFile, settings.sslTrustedCertificate] : [];
  const all = [...pairs, ...own, ...verify, ...staple, ...settings.sslSessionTicketKey, settings.sslDhparam];
  return all.filter(
    (place): place is string =>
      place !== undefined && place !== '' && !MADE.includes(place) && !place.startsWith('data:'),
  );
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
