// Certificates towards peers whose paths hold variables: read when a connection asks for them, as nginx does, and again once they change.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SecureContext } from 'node:tls';
import { CERTIFICATE_UNUSABLE } from '../../shared/failure.ts';
import { readFileWithin } from '../../shared/read-file.ts';
import { createPeerContext, type PeerFiles } from './peer-context.ts';
import type { FamilyTls } from './rows.ts';

/** Paths of a certificate and its key; '' and '' = none is shown. */
export interface OwnCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Contexts that are kept; names may come from clients. */
const MAX_CONTEXTS = 64;
/** A chain and a key have a few kilobytes. */
const MAX_BYTES = 1 << 20;

/** A context, and a number that no other one has. */
export interface NumberedContext {
  readonly context: SecureContext;
  readonly id: number;
}

interface Kept extends NumberedContext {
  /** What both files were like when they were read. */
  readonly state: string;
}

export class RequestCertificates {
  readonly #settings: FamilyTls;
  readonly #files: PeerFiles;
  readonly #prefix: string;
  readonly #kept = new Map<string, Kept>();
  #made = 0;

  /** Relative paths start from the prefix. */
  constructor(settings: FamilyTls, files: PeerFiles, prefix: string) {
    this.#settings = settings;
    this.#files = files;
    this.#prefix = prefix;
  }

  /** Throws why there is none. */
  contextOf({ certificate, key }: OwnCertificate): NumberedContext {
    const paths = certificate === '' ? [] : [certificate, key].map((path) => resolve(this.#prefix, path));
    try {
      return this.#contextOf(paths);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = `the certificate towards the peer cannot be used: ${message} (${paths.join(', ')})`;
      throw Object.assign(new Error(why), { code: CERTIFICATE_UNUSABLE, cause: code });
    }
  }

  #contextOf(paths: readonly string[]): NumberedContext {
    const id = paths.join('\0');
    const state = paths.map(stateOf).join();
    const known = this.#kept.get(id);
    if (known?.state === state) return known;
    const [certificate = '', key = ''] = paths;
    const read = Object.fromEntries(paths.map((path) => [path, contentOf(path)]));
    const settings = { ...this.#settings, SslCertificate: certificate, SslCertificateKey: key };
    const context = createPeerContext(settings, { ...this.#files, ...read });
    const kept = { context, id: ++this.#made, state };
    this.#kept.delete(id);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_CONTEXTS && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(id, kept);
    return kept;
  }
}

function stateOf(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino} ${size} ${mtimeMs}`;
}

function contentOf(path: string): string {
  return readFileWithin(path, { maxBytes: MAX_BYTES }).toString('latin1');
}
