// One end of a TLS connection: what TLS knows of the other one.
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { Listed } from '../../shared/roster.ts';

/** Why OpenSSL does not trust a certificate, in Node's words. */
export type VerifyError = Error & { readonly code?: string };

export interface TlsEnd extends Listed {
  /** `TLSv1.3`; '' where it is not known. */
  readonly protocol: string;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** '' = none was agreed on. */
  readonly alpn: string;
  readonly reused: boolean;
  /** In OpenSSL's own form; undefined behind the end of the connection. */
  readonly session: Buffer | undefined;
  /** The certificate that was shown, each with its issuer's. */
  readonly shown: DetailedPeerCertificate | undefined;
  /** Of what was shown; null = it is trusted, undefined = nobody can tell. */
  readonly verifyError: VerifyError | null | undefined;
  /** No record is larger from now on. */
  limitRecords(bytes: number): void;
  /** Ends the connection. */
  destroy(): void;
}

/** That of a public socket. */
export class PublicTlsEnd implements TlsEnd {
  rosterPlace = -1;
  readonly #socket: TLSSocket;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  get protocol(): string {
    return this.#socket.getProtocol() ?? '';
  }

  get cipher(): string {
    return this.#socket.getCipher()?.name ?? '';
  }

  get alpn(): string {
    const { alpnProtocol } = this.#socket;
    return typeof alpnProtocol === 'string' ? alpnProtocol : '';
  }

  get reused(): boolean {
    return this.#socket.isSessionReused();
  }

  get session(): Buffer | undefined {
    return this.#socket.destroyed ? undefined : this.#socket.getSession();
  }

  get shown(): DetailedPeerCertificate | undefined {
    const certificate = this.#socket.getPeerCertificate(true);
    return certificate?.fingerprint256 === undefined ? undefined : certificate;
  }

  get verifyError(): VerifyError | null | undefined {
    const inner = (this.#socket as unknown as { _handle?: { verifyError?(): VerifyError | null } | null })
      ._handle;
    return inner?.verifyError === undefined ? undefined : (inner.verifyError() ?? null);
  }

  limitRecords(bytes: number): void {
    this.#socket.setMaxSendFragment(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
