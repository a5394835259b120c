// Blocks of PEM.

/** Those of a kind, such as CERTIFICATE or X509 CRL. */
export function blocksOf(pem: string, kind: string): string[] {
  return (
    pem.match(
      new RegExp(`-----BEGIN (?:TRUSTED )?${kind}-----.*?-----END (?:TRUSTED )?${kind}-----`, 'gs'),
    ) ?? []
  );
}
