// Blocks of PEM.
import { elementsOf } from './der.ts';

/** Those of a kind, such as CERTIFICATE or X509 CRL. What OpenSSL has added about trust is left out. */
export function blocksOf(pem: string, kind: string): string[] {
  const blocks = pem.matchAll(
    new RegExp(`-----BEGIN (TRUSTED )?${kind}-----(.*?)-----END \\1?${kind}-----`, 'gs'),
  );
  return [...blocks].map(([whole, trusted, text]) => (trusted === undefined ? whole : bare(text, kind)));
}

function bare(text: string, kind: string): string {
  const [first] = elementsOf(Buffer.from(text, 'base64'));
  const lines = (first?.whole.toString('base64') ?? '').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${kind}-----`, ...lines, `-----END ${kind}-----`].join('\n');
}
