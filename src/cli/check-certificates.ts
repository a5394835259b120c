// Why a certificate and its key cannot be used, in words: OpenSSL says neither which file it means nor what to do.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readPem } from '../listen/tls-files.ts';
import { nodeTls } from '../shared/node-parts.ts';
import { isEncrypted, openedKey } from '../socket/tls/private-key.ts';

/** What is said of the two files; each begins behind its name. */
export interface PairReport {
  onCertificate(what: string): void;
  onKey(what: string): void;
  /** Of a certificate that works, as nginx has it, but not for long. */
  warnOfCertificate(what: string): void;
}

/** `passphrases` are those that the key may have, a line each. */
export function checkPair(
  { certificatePath, keyPath }: { readonly certificatePath: string; readonly keyPath: string },
  passphrases: string,
  report: PairReport,
): void {
  const certificate = readCertificate(certificatePath, report.onCertificate);
  const key = readKey(keyPath, passphrases, report.onKey);
  if (certificate === undefined || key === undefined) return;
  const { leaf, pem } = certificate;
  if (!leaf.checkPrivateKey(key.key)) {
    const own = chainOf(pem).find((one) => one.checkPrivateKey(key.key));
    if (own === undefined)
      return report.onKey(
        `does not belong to ${certificatePath}: name the key that the certificate was made with`,
      );
    const order = "put the server's own first, then that of who signed it";
    return report.onCertificate(
      `begins with the certificate of "${nameOf(leaf)}", and the key belongs to that of "${nameOf(own)}": ${order}`,
    );
  }
  const problem = thrownBy(() => nodeTls().createSecureContext({ cert: pem, key: key.pem }));
  if (problem !== undefined) report.onCertificate(`cannot be used: ${inWords(problem)}`);
  else checkDates(leaf, report.warnOfCertificate);
}

/** Why a file cannot be read, in words. */
export function whyUnreadable(path: string): string | undefined {
  const content = contentOf(path);
  return typeof content === 'string' ? content : undefined;
}

/** What a file holds; '' where it cannot be read, which is told elsewhere. */
export function pemIn(path: string): string {
  const content = path === '' ? '' : contentOf(path);
  return typeof content === 'string' ? '' : content.toString('latin1');
}

/** What OpenSSL says of ciphers. */
export function checkCiphers(ciphers: string): string | undefined {
  const problem = thrownBy(() => nodeTls().createSecureContext({ ciphers }));
  return problem?.replace(
    /.*no cipher match.*/,
    'OpenSSL knows none of them; leave the line out, or see "openssl ciphers"',
  );
}

type Say = (what: string) => void;

function readCertificate(path: string, say: Say): { pem: Buffer; leaf: X509Certificate } | undefined {
  const pem = contentOf(path);
  if (typeof pem === 'string') return void say(pem);
  if (isBinary(pem)) {
    if (madeBy(() => new X509Certificate(pem)) !== undefined)
      return void say(`is in DER, not in PEM: openssl x509 -inform der -in ${path} -out ${path}.pem`);
    const advice = `take the certificates out of it: openssl pkcs12 -in ${path} -nokeys -out ${path}.pem`;
    return void say(`is no PEM: it looks like PKCS #12; ${advice}`);
  }
  const leaf = madeBy(() => new X509Certificate(pem));
  if (leaf !== undefined) return { pem, leaf };
  if (pem.includes('PRIVATE KEY-----')) return void say(`holds a private key and no certificate: ${SWAPPED}`);
  say('holds no certificate in PEM: name the file with -----BEGIN CERTIFICATE-----');
}

function readKey(path: string, passphrases: string, say: Say): { pem: Buffer; key: KeyObject } | undefined {
  const pem = contentOf(path);
  if (typeof pem === 'string') return void say(pem);
  if (isBinary(pem)) {
    if (DER_KEYS.some((type) => madeBy(() => createPrivateKey({ key: pem, format: 'der', type }))))
      return void say(`is in DER, not in PEM: openssl pkey -inform der -in ${path} -out ${path}.pem`);
    const advice = `take the key out of it: openssl pkcs12 -in ${path} -nocerts -nodes -out ${path}.pem`;
    return void say(`is no PEM: it looks like PKCS #12; ${advice}`);
  }
  const encrypted = isEncrypted(pem.toString('latin1'));
  const opened = openedKey(pem.toString('latin1'), passphrases);
  const key = opened === undefined ? undefined : madeBy(() => createPrivateKey(opened));
  if (key !== undefined && opened !== undefined) return { pem: Buffer.from(opened, 'latin1'), key };
  if (encrypted && passphrases !== '')
    return void say('is encrypted, and no line of ssl_password_file opens it');
  if (encrypted) {
    const advice = `name a file with it, ssl_password_file, or write it without one, openssl pkey -in ${path} -out ${path}.plain`;
    return void say(`is encrypted, and nobody is asked for its passphrase: ${advice}`);
  }
  if (pem.includes('CERTIFICATE-----')) return void say(`holds a certificate and no private key: ${SWAPPED}`);
  say('holds no private key in PEM: name the file with -----BEGIN PRIVATE KEY-----');
}

const DER_KEYS = ['pkcs8', 'sec1', 'pkcs1'] as const;

const SWAPPED = 'did ssl_certificate and ssl_certificate_key change places?';

/** ASN.1 begins with a SEQUENCE; PEM is text. */
const isBinary = (content: Buffer): boolean => content[0] === 0x30 && !content.includes('-----BEGIN');

/** All certificates of a file that can be read. */
function chainOf(pem: Buffer): X509Certificate[] {
  const parts =
    pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  return parts.map((part) => madeBy(() => new X509Certificate(part))).filter((one) => one !== undefined);
}

function nameOf(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? certificate.subject.replaceAll('\n', ', ');
}

function checkDates({ validFrom, validTo }: X509Certificate, say: Say): void {
  if (Date.parse(validTo) < Date.now()) say(`has expired, on ${validTo}: clients refuse it; renew it`);
  else if (Date.parse(validFrom) > Date.now())
    say(
      `is not valid before ${validFrom}: clients refuse it until then; see whether the clock of this machine is right`,
    );
}

/** What is wrong with a certificate whose first part and key are right. */
function inWords(problem: string): string {
  const reason = problem.replace(/^error:[0-9A-F]+:/, '');
  if (/key too small/.test(reason))
    return 'its key is too short to be safe; make one of 2048 bits, or with a curve';
  if (/md too weak/.test(reason))
    return 'it was signed with a digest that is no longer safe; have it signed anew, with SHA-256';
  if (!/^(?:PEM|asn1)/.test(reason)) return reason;
  return `it is damaged behind its first certificate (${reason}); get the chain anew from who signed it`;
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'permission denied; let the user of lbproxy read it'],
  ['EISDIR', 'it is a directory'],
  ['ENAMETOOLONG', 'the name is longer than the file system takes'],
  ['ELOOP', 'symbolic links lead in a circle'],
]);

function contentOf(path: string): Buffer | string {
  try {
    return readPem(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `cannot be read: ${WORDS.get(code ?? '') ?? message}`;
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
