// What programs are told so that they believe local certificates when they call this lbproxy: Node reads one more authority, OpenSSL
// (Python, Ruby, curl) and Python's requests one file in the place of all others, which therefore has those of the system, too. Where
// lbproxy was told of such a file itself, programs get what is in it and ours.
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nodeTls } from '../shared/node-parts.ts';
import { readPlainFile, replaceFile } from '../shared/replace-file.ts';
import type { Authority } from './authority.ts';

/** Debian, Arch, Gentoo; Fedora; SUSE; Alpine, macOS, OpenBSD; FreeBSD. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/usr/local/etc/ssl/cert.pem',
];
type Environment = Readonly<Record<string, string | undefined>>;

const NOTHING: Readonly<Record<string, string>> = {};
const OTHERS_READ = 0o004;
const OTHERS_PASS = 0o001;

export class TrustFiles {
  readonly #directory: string;
  readonly #warn: (message: string) => void;
  #variables = NOTHING;
  #warned = false;

  constructor(directory: string, warn: (message: string) => void) {
    this.#directory = directory;
    this.#warn = warn;
  }

  /** Writes the files. Throws the system's error. `env` is what programs have from us. */
  use({ certificate }: Authority, env: Environment = process.env, system = systemAuthorities()): void {
    const named = (name: string): string | null => {
      const path = env[name] ?? '';
      return path === '' ? null : textOf(path);
    };
    const openssl = named('SSL_CERT_FILE') ?? system;
    const curl = named('CURL_CA_BUNDLE');
    const wanted: Readonly<Record<string, string | null>> = {
      NODE_EXTRA_CA_CERTS: named('NODE_EXTRA_CA_CERTS') ?? '',
      SSL_CERT_FILE: openssl,
      REQUESTS_CA_BUNDLE: named('REQUESTS_CA_BUNDLE') ?? curl ?? openssl,
      // Where it is set it wins over SSL_CERT_FILE.
      CURL_CA_BUNDLE: curl,
    };
    const variables: Record<string, string> = {};
    for (const [name, others] of Object.entries(wanted)) {
      // What is set and cannot be read, a directory for one, is left alone.
      if (others === null || ((env[name] ?? '') !== '' && named(name) === null)) continue;
      const path = join(this.#directory, `${name.toLowerCase().replaceAll('_', '-')}.crt`);
      put(path, others.includes(certificate) ? others : `${others.trimEnd()}\n${certificate}`.trimStart());
      variables[name] = path;
    }
    this.#variables = variables;
  }

  forget(): void {
    this.#variables = NOTHING;
  }

  /** A program whose user cannot read the files gets none: one that is told of a bundle it cannot read trusts nobody. */
  variablesFor(uid: number | null): Readonly<Record<string, string>> {
    if (this.#variables === NOTHING || uid === null || uid === process.geteuid?.()) return this.#variables;
    if (Object.values(this.#variables).every(othersRead)) return this.#variables;
    if (!this.#warned)
      this.#warn(
        `programs of user ${uid} do not learn of the local authority, as they cannot read what is in ${this.#directory}: ` +
          'set state_path to a directory that they may enter (its secrets stay closed to them)',
      );
    this.#warned = true;
    return NOTHING;
  }
}

function put(path: string, text: string): void {
  try {
    if (readPlainFile(path).text === text) return;
  } catch {
    // It is made now.
  }
  replaceFile(path, text, 0o644);
}

/** All whom the system trusts, in PEM; those that Node brings where it has no such file. */
export function systemAuthorities(places: readonly string[] = SYSTEM_BUNDLES): string {
  return places.map(textOf).find((text) => text !== null) ?? nodeTls().rootCertificates.join('\n');
}

/** Null where there are no certificates. */
function textOf(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8');
    return text.includes('-----BEGIN CERTIFICATE-----') ? text : null;
  } catch {
    return null;
  }
}

/** A file that anybody can read, in directories that anybody can enter. */
function othersRead(path: string): boolean {
  if (process.platform === 'win32') return true;
  try {
    if ((statSync(path).mode & OTHERS_READ) === 0) return false;
    for (let at = dirname(path); ; at = dirname(at)) {
      if ((statSync(at).mode & OTHERS_PASS) === 0) return false;
      if (at === dirname(at)) return true;
    }
  } catch {
    return false;
  }
}
