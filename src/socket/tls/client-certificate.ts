// The certificate that a client has shown, as nginx's variables tell of it. Each is made when it is asked for.
import type { X509Certificate } from 'node:crypto';
import { type Element, elementsOf, SEQUENCE } from './der.ts';
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
    return rfc2253(this.#name(SUBJECT));
  }

  get issuer(): string {
    return rfc2253(this.#name(ISSUER));
  }

  get subjectLine(): string {
    return oneLine(this.#name(SUBJECT));
  }

  get issuerLine(): string {
    return oneLine(this.#name(ISSUER));
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

  /** The content of one of its names. */
  #name(index: number): Buffer {
    const certificate = contentOf(elementsOf(this.#certificate.raw)[0]);
    const fields = elementsOf(contentOf(elementsOf(certificate)[0]));
    // The version may be left out.
    const from = fields[0]?.tag === VERSION ? 1 : 0;
    return contentOf(fields[from + index]);
  }
}

/** Serial number, algorithm, issuer, validity, subject. */
const ISSUER = 2;
const SUBJECT = 4;
const VERSION = 0xa0;
const NOTHING = Buffer.alloc(0);

function contentOf(element: Element | undefined): Buffer {
  return element?.tag === SEQUENCE ? element.content : NOTHING;
}
