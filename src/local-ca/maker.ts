// Makes certificates: the authority's own, and leaves that it signs.
import { createPrivateKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { X509CertificateGenerator } from '@peculiar/x509';
import type { Leaf, LeafNames } from './leaf.ts';

type X509 = typeof import('@peculiar/x509');

const DAY_MS = 24 * 3600_000;
/** What browsers take at most is 398 days; the hour that it begins earlier counts. */
const LEAF_MS = 396 * DAY_MS;
/** A new one is made so long before the end. */
const RENEWAL_MS = 30 * DAY_MS;
const AUTHORITY_MS = 3650 * DAY_MS;
/** Clocks of other machines may be slow. */
const BEFORE_MS = 3600_000;

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** Certificate and key, in PEM. */
export interface Pems {
  readonly certificate: string;
  readonly key: string;
}

/** Both are loaded only where a certificate is made, and are optional parts of the package: they are more than half of what is installed. */
async function loadX509(): Promise<X509> {
  const x509 = await import('@peculiar/x509').catch((error) => explain(error, '@peculiar/x509'));
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  return x509;
}

function explain(error: NodeJS.ErrnoException, name: string): never {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  throw new Error(
    `certificates are made by the package ${name}, which is not installed: run "npm install ${name}", or name a certificate of your own`,
  );
}

/** `whose` tells people which machine it is of. */
export async function makeAuthority(whose: string, nowMs: number): Promise<Pems> {
  const x509 = await loadX509();
  const flags = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  return await selfSigned(x509, {
    name: [{ O: ['lbproxy'] }, { CN: [`lbproxy local CA ${whose}`.slice(0, 64)] }],
    nowMs,
    lifeMs: AUTHORITY_MS,
    extensions: [
      // It signs leaves, no other authorities.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(flags, true),
    ],
  });
}

/** A server's certificate that nobody has signed but itself. */
export async function makeSelfSigned({ dns, ips }: LeafNames, lifeMs: number, nowMs: number): Promise<Pems> {
  const { generate } = await import('selfsigned').catch((error) => explain(error, 'selfsigned'));
  const altNames = [
    ...dns.map((value) => ({ type: 2 as const, value })),
    ...ips.map((ip) => ({ type: 7 as const, ip })),
  ];
  const made = await generate([{ name: 'commonName', value: dns[0] }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(nowMs - BEFORE_MS),
    notAfterDate: new Date(nowMs + lifeMs),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  });
  return { certificate: `${made.cert.trimEnd()}\n`, key: made.private };
}

interface SelfSignedParts {
  readonly name: { readonly [attribute: string]: string[] }[];
  readonly nowMs: number;
  readonly lifeMs: number;
  readonly extensions: readonly InstanceType<X509['Extension']>[];
}

async function selfSigned(x509: X509, { name, nowMs, lifeMs, extensions }: SelfSignedParts): Promise<Pems> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const publicKey = keys.publicKey as CryptoKey;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name,
    notBefore: new Date(nowMs - BEFORE_MS),
    notAfter: new Date(nowMs + lifeMs),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    keys: keys as Parameters<typeof X509CertificateGenerator.createSelfSigned>[0]['keys'],
    extensions: [...extensions, await x509.SubjectKeyIdentifierExtension.create(publicKey)],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
}

function extensionsOfServer(x509: X509, { dns, ips }: LeafNames): InstanceType<X509['Extension']>[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([
      ...dns.map((value) => ({ type: 'dns' as const, value })),
      ...ips.map((value) => ({ type: 'ip' as const, value: isIPv6(value) ? plainIPv6(value) : value })),
    ]),
  ];
}

/** Signs leaves. */
export class Signer {
  readonly #x509: X509;
  readonly #authority: InstanceType<X509['X509Certificate']>;
  readonly #key: webcrypto.CryptoKey;

  private constructor(
    x509: X509,
    authority: InstanceType<X509['X509Certificate']>,
    key: webcrypto.CryptoKey,
  ) {
    this.#x509 = x509;
    this.#authority = authority;
    this.#key = key;
  }

  static async of({ certificate, key }: Pems): Promise<Signer> {
    const x509 = await loadX509();
    return new Signer(x509, new x509.X509Certificate(certificate), await importKey(createPrivateKey(key)));
  }

  async sign(names: LeafNames, nowMs: number): Promise<Leaf> {
    const x509 = this.#x509;
    const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
    const endsAtMs = Math.min(nowMs + LEAF_MS, this.#authority.notAfter.getTime());
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: [{ O: ['lbproxy local certificate'] }],
      issuer: this.#authority.subjectName,
      notBefore: new Date(nowMs - BEFORE_MS),
      notAfter: new Date(endsAtMs),
      signingAlgorithm: { name: this.#key.algorithm.name, hash: 'SHA-256' },
      publicKey: keys.publicKey as CryptoKey,
      signingKey: this.#key as CryptoKey,
      extensions: [...extensionsOfServer(x509, names), await this.#signedBy()],
    } satisfies Parameters<typeof X509CertificateGenerator.create>[0]);
    const renewAtMs = endsAtMs - Math.min(RENEWAL_MS, (endsAtMs - nowMs) / 2);
    return {
      certificate: `${certificate.toString('pem')}\n`,
      key: await pemOf(keys.privateKey),
      madeAtMs: nowMs,
      renewAtMs,
      endsAtMs,
    };
  }

  async #signedBy(): Promise<InstanceType<X509['Extension']>> {
    const { AuthorityKeyIdentifierExtension: Identifier, SubjectKeyIdentifierExtension } = this.#x509;
    const own = this.#authority.getExtension(SubjectKeyIdentifierExtension);
    return own === null ? await Identifier.create(this.#authority.publicKey) : new Identifier(own.keyId);
  }
}

/** RFC 5280 §4.1.2.2: positive, at most 20 bytes. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** Without a zone; an address in one spelling. */
function plainIPv6(address: string): string {
  const [text] = address.split('%');
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
}

const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** Of an authority that others have made, RSA too. */
function importKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const curve = CURVES[details?.namedCurve ?? ''];
  const algorithm =
    type === 'ec' && curve !== undefined
      ? { name: 'ECDSA', namedCurve: curve }
      : type === 'rsa'
        ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
        : null;
  if (algorithm === null) throw new Error(`a key of type ${type} ${details?.namedCurve ?? ''} cannot sign`);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}
