// What a certificate is made of (RFC 5280 §4.1), as far as Node does not tell it.
import type { X509Certificate } from 'node:crypto';
import { type Element, elementsOf } from './der.ts';

export interface CertificateFields {
  readonly serial: Element | undefined;
  readonly issuer: Element | undefined;
  readonly subject: Element | undefined;
  readonly publicKey: Element | undefined;
}

/** The version, which may be left out. */
const VERSION = 0xa0;

export function fieldsOf({ raw }: X509Certificate): CertificateFields {
  const [certificate] = elementsOf(raw);
  const fields = elementsOf(contentOf(elementsOf(contentOf(certificate))[0]));
  const from = fields[0]?.tag === VERSION ? 1 : 0;
  const [serial, , issuer, , subject, publicKey] = fields.slice(from);
  return { serial, issuer, subject, publicKey };
}

const NOTHING = Buffer.alloc(0);

export const contentOf = (element: Element | undefined): Buffer => element?.content ?? NOTHING;
