// Whom a secure context trusts to sign clients' certificates, and which of them it names to clients: of ssl_client_certificate, each name
// once. Node names all that it trusts; what is not to be named gets in as Node's own authorities would, in whose place it stands meanwhile.
import { X509Certificate } from 'node:crypto';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { nodeTls } from '../../shared/node-parts.ts';
import { blocksOf } from '../../socket/tls/pem.ts';

/** Contents of files; '' = none is named. */
export interface TrustFiles {
  readonly client: string;
  readonly trusted: string;
  readonly crl: string;
}

/** Throws what OpenSSL has against any of it. */
export function createTrustingContext(options: SecureContextOptions, files: TrustFiles): SecureContext {
  const named = firstOfEach(blocksOf(files.client, 'CERTIFICATE'), subjectOf);
  const all = firstOfEach(
    blocksOf(files.client, 'CERTIFICATE').concat(blocksOf(files.trusted, 'CERTIFICATE')),
    (pem) => pem,
  );
  const lists = blocksOf(files.crl, 'X509 CRL');
  const crl = lists.length === 0 ? {} : { crl: lists };
  return all.length === named.length
    ? nodeTls().createSecureContext({ ...options, ...crl, ca: named })
    : createWithHidden({ ...options, ...crl }, { named, all });
}

/** Since 22.19. */
type SetDefaults = (certificates: readonly string[]) => void;
type GetDefaults = (type: 'default') => string[];

function createWithHidden(
  options: SecureContextOptions,
  { named, all }: { readonly named: readonly string[]; readonly all: readonly string[] },
): SecureContext {
  const { setDefaultCACertificates: set, getCACertificates: get } = nodeTls() as {
    readonly setDefaultCACertificates?: SetDefaults;
    readonly getCACertificates?: GetDefaults;
  };
  if (set === undefined || get === undefined)
    return nodeTls().createSecureContext({ ...options, ca: [...all] });
  const defaults = get('default');
  set(all);
  try {
    const context = nodeTls().createSecureContext(options);
    const inner = context.context as { addCACert(pem: string): void };
    for (const pem of named) inner.addCACert(pem);
    return context;
  } finally {
    set(defaults);
  }
}

function firstOfEach(pems: readonly string[], key: (pem: string) => string): string[] {
  return [...new Map(pems.toReversed().map((pem) => [key(pem), pem])).values()].toReversed();
}

function subjectOf(pem: string): string {
  return new X509Certificate(pem).subject;
}
