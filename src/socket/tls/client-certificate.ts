// The certificate that a client has shown, as nginx's variables tell of it. Each is made when it is asked for.
import type { X509Certificate } from 'node:crypto';
import { contentOf, fieldsOf } from './certificate-fields.ts';
import { oneLine, rfc2253 } from './distinguished-name.ts';

const DAY_MS = 86_400_000;

export class ClientCertificate {
  readonly #certificate: X509Certificate;
  #pem = '';

  constructor(certificate: X509Certificate) {
    this.#certificate = certificate;
  }

  /** As PEM, with the last line's end. */
  get pem(): string {
    if (this.#pem === '') this.#pem = this.#certificate.toString();
    return this.#pem;
  }

  /** As PEM for one field of HTTP: lines but the first begin with a tab. */
  get folded(): string {
    return this.pem.trimEnd().replaceAll('\n', '\n\t');
  }

  /** As PEM, with all but letters, digits and `-._~` percent-encoded. */
  get escaped(): string {
    return encodeURIComponent(this.pem).replace(
      /[!'()*]/g,
      (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  }

  get subject(): string {
    return rfc2253(this.#subject());
  }

  get issuer(): string {
    return rfc2253(this.#issuer());
  }

  get subjectLine(): string {
    return oneLine(this.#subject());
  }

  get issuerLine(): string {
    return oneLine(this.#issuer());
  }

  get serial(): string {
    return this.#certificate.serialNumber;
  }

  /** SHA-1, in hexadecimal digits. */
  get fingerprint(): string {
    return this.#certificate.fingerprint.replaceAll(':', '').toLowerCase();
  }

  /** SHA-256, to tell it from others. */
  get identity(): string {
    return this.#certificate.fingerprint256;
  }

  get validFrom(): string {
    return this.#certificate.validFrom;
  }

  get validTo(): string {
    return this.#certificate.validTo;
  }

  /** Whole days that are left. */
  remainingDays(nowMs: number): number {
    return Math.max(0, Math.floor((Date.parse(this.validTo) - nowMs) / DAY_MS));
  }

  #subject(): Buffer {
    return contentOf(fieldsOf(this.#certificate).subject);
  }

  #issuer(): Buffer {
    return contentOf(fieldsOf(this.#certificate).issuer);
  }
}
