// The local authority: mkcert's where there is one, else one that is made once and kept in the state directory. Whoever has its key can
// be any site to those who trust it, so the key is for its owner alone, and one that others had a hand in is not used.
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { linkSync, rmSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { readPlainFile, replaceFile, whyNotOurs } from '../shared/replace-file.ts';
import { makeAuthority, type Pems } from './maker.ts';
import { MKCERT_CERTIFICATE, MKCERT_KEY, mkcertRoot } from './mkcert.ts';

export interface Authority extends Pems {
  readonly origin: 'lbproxy' | 'mkcert';
  /** Where its certificate lies, for those who shall trust it. */
  readonly path: string;
}

export interface FoundAuthority {
  /** null = there is none. */
  readonly authority: Authority | null;
  /** What whoever runs lbproxy should know of. */
  readonly warnings: readonly string[];
}

export interface EnsuredAuthority extends FoundAuthority {
  readonly authority: Authority;
  readonly created: boolean;
}

/** Where authorities are looked for. */
export interface AuthorityPlaces {
  /** It is there, and ours. */
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
}

/** Key and certificate in one file, which comes into being whole: two that start at once have the same. */
const PAIR_FILE = 'local-ca.key';
const CERTIFICATE_FILE = 'local-ca.crt';
/** Made anew so long before its end: leaves end with it. */
const MARGIN_MS = 30 * 24 * 3600_000;

/** Reads what is there; makes nothing. */
export function findAuthority(places: AuthorityPlaces, nowMs = Date.now()): FoundAuthority {
  const mkcert = readMkcert(places, nowMs);
  if (mkcert !== null && typeof mkcert !== 'string') return { authority: mkcert, warnings: [] };
  const own = readOwn(places.stateDir, nowMs);
  const warnings = [mkcert, own].filter((found) => typeof found === 'string');
  return { authority: typeof own === 'string' ? null : own, warnings };
}

/** Makes one where there is none. Rejects with what the system says. */
export async function ensureAuthority(
  places: AuthorityPlaces,
  nowMs = Date.now(),
): Promise<EnsuredAuthority> {
  const { authority, warnings } = findAuthority(places, nowMs);
  if (authority !== null) return { authority, warnings, created: false };
  const { stateDir } = places;
  const { certificate, key } = await makeAuthority(whose(), nowMs);
  const path = join(stateDir, PAIR_FILE);
  placeFirst(path, key + certificate);
  let made = readOwn(stateDir, nowMs);
  if (typeof made === 'string') {
    // What stands there was told already.
    replaceFile(path, key + certificate, 0o600);
    made = readOwn(stateDir, nowMs);
  }
  if (made === null || typeof made === 'string')
    throw new Error(`the local authority in ${path} cannot be read as soon as it is made`);
  return { authority: made, warnings, created: made.certificate === certificate };
}

function whose(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
}

/** Puts a file where none is; one that another has put there first stays. */
function placeFirst(path: string, text: string): void {
  const part = `${path}.${randomBytes(12).toString('hex')}`;
  replaceFile(part, text, 0o600);
  try {
    linkSync(part, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // File systems without links: the last one wins.
    if (code !== 'EEXIST') replaceFile(path, text, 0o600);
  } finally {
    rmSync(part, { force: true });
  }
}

/** Null where there is none, a sentence where it is not used. */
function readMkcert({ env, platform }: AuthorityPlaces, nowMs: number): Authority | string | null {
  const root = mkcertRoot(env, platform);
  if (root === null) return null;
  const [path, keyPath] = [join(root, MKCERT_CERTIFICATE), join(root, MKCERT_KEY)];
  const [certificate, key] = [textOf(path), textOf(keyPath)];
  if (certificate === null || key === null) return null;
  const why = whyNotOurs(keyPath) ?? whyNotUsable({ certificate, key }, nowMs);
  if (why !== null) return `mkcert's authority in ${root} is not used: ${why}; lbproxy has one of its own`;
  return { origin: 'mkcert', path, certificate, key };
}

/** As `readMkcert`. */
function readOwn(stateDir: string, nowMs: number): Authority | string | null {
  const pairPath = join(stateDir, PAIR_FILE);
  const notUsed = (why: string): string =>
    `${pairPath} is not used: ${why}; a new authority is made, which has to be trusted anew (lbproxy trust)`;
  const notOurs = whyNotOurs(pairPath);
  if (notOurs !== null) return notUsed(notOurs);
  const text = textOf(pairPath);
  if (text === null) return null;
  const at = text.indexOf('-----BEGIN CERTIFICATE-----');
  const pems = { key: text.slice(0, Math.max(0, at)), certificate: text.slice(Math.max(0, at)) };
  const why = whyNotUsable(pems, nowMs);
  if (why !== null) return notUsed(why);
  const path = join(stateDir, CERTIFICATE_FILE);
  if (textOf(path) !== pems.certificate) replaceFile(path, pems.certificate, 0o644);
  return { origin: 'lbproxy', path, ...pems };
}

function whyNotUsable(pems: Pems, nowMs: number): string | null {
  const certificate = certificateOf(pems);
  if (certificate === null) return 'it holds no key and certificate that belong together';
  if (!certificate.ca) return 'its certificate is not one of an authority';
  return Date.parse(certificate.validTo) - nowMs > MARGIN_MS ? null : `it ends on ${certificate.validTo}`;
}

/** Null where the key is not its own. */
function certificateOf(pems: Pems): X509Certificate | null {
  try {
    const certificate = new X509Certificate(pems.certificate);
    return certificate.checkPrivateKey(createPrivateKey(pems.key)) ? certificate : null;
  } catch {
    return null;
  }
}

function textOf(path: string): string | null {
  try {
    return readPlainFile(path).text;
  } catch {
    return null;
  }
}
