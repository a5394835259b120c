// A private key in PEM, opened by a passphrase where it has one.
import { createPrivateKey } from 'node:crypto';

export function isEncrypted(pem: string): boolean {
  return pem.includes('ENCRYPTED');
}

/** The key as it is, or opened by the first of the lines of `passphrases` that fits; undefined where none does. */
export function openedKey(pem: string, passphrases: string): string | undefined {
  if (!isEncrypted(pem)) return pem;
  for (const passphrase of passphrases.split(/\r?\n/)) {
    if (passphrase === '') continue;
    try {
      return createPrivateKey({ key: pem, passphrase: Buffer.from(passphrase, 'latin1') })
        .export({ type: 'pkcs8', format: 'pem' })
        .toString();
    } catch {
      // The next one may fit.
    }
  }
  return undefined;
}
