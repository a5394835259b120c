// Has all stores of this machine trust the local authority, or no longer, or prints the commands that would. Each store for itself: what
// cannot be done in one is told with the next step, and the others go on.
import { X509Certificate } from 'node:crypto';
import type { Authority } from '../authority.ts';
import { javaStores } from './java-store.ts';
import { nssStores } from './nss-stores.ts';
import { programIn } from './places.ts';
import type { Command, Store, TrustedOne, TrustPlaces } from './store.ts';
import { systemStore } from './system-store.ts';

export type TrustWish = 'trust' | 'untrust';

export interface StoreOutcome {
  readonly store: string;
  readonly ok: boolean;
  /** `trusted now`, `not done: …`. */
  readonly text: string;
}

export function trustedOne({ path, certificate, origin }: Authority): TrustedOne {
  const { serialNumber, fingerprint256 } = new X509Certificate(certificate);
  const short = fingerprint256.replaceAll(':', '').slice(0, 16).toLowerCase();
  // As mkcert has it: what one has trusted is the other's, too.
  const name =
    origin === 'mkcert'
      ? `mkcert development CA ${BigInt(`0x${serialNumber}`)}`
      : `lbproxy local CA ${short}`;
  return { path, certificate, name, serial: serialNumber.toLowerCase(), fingerprint: fingerprint256 };
}

/** In the order that they are treated: the system's may bring others along. */
export function storesFor(one: TrustedOne, places: TrustPlaces): readonly Store[] {
  return [systemStore(one, places), ...nssStores(one, places), ...javaStores(one, places)];
}

export function apply(wish: TrustWish, stores: readonly Store[], places: TrustPlaces): StoreOutcome[] {
  return stores.map((store) => ({ store: store.name, ...applyTo(store, wish, places) }));
}

function applyTo(store: Store, wish: TrustWish, places: TrustPlaces): { ok: boolean; text: string } {
  const trusts = wish === 'trust';
  if (store.problem !== null) return { ok: false, text: `not done: ${store.problem}` };
  if (store.isTrusted() === trusts || store[wish].length === 0)
    return { ok: true, text: trusts ? 'trusted already' : 'not trusted, as before' };
  const failed = runAll(store[wish], places);
  if (failed !== null) return { ok: false, text: failed };
  // Nobody can tell, or it is as it should be.
  if (store.isTrusted() !== !trusts) return { ok: true, text: trusts ? 'trusted now' : 'no longer trusted' };
  const still = trusts
    ? 'it does not trust the authority all the same'
    : 'it trusts the authority all the same';
  return { ok: false, text: `${still}; see what this says:\n${commandLines(store[wish], places)}` };
}

/** Null, or why not. */
function runAll(commands: readonly Command[], places: TrustPlaces): string | null {
  const isHelpless = !places.isRoot && (!places.isTerminal || programIn('sudo', places) === null);
  if (isHelpless && commands.some(({ asRoot }) => asRoot))
    return `not done: only root may do it; run\n${commandLines(commands, places)}`;
  for (const command of commands) {
    const { code, stdout, stderr } = places.run(wordsOf(command, places));
    if (code !== 0) {
      const said = (stderr.trim() || stdout.trim() || `exit status ${code}`)
        .split('\n')
        .slice(-3)
        .join('\n      ');
      return `not done: ${command.argv[0]} failed (${said}); to try it by hand:\n${commandLines(commands, places)}`;
    }
  }
  return null;
}

function wordsOf({ argv, asRoot }: Command, { isRoot }: TrustPlaces): readonly string[] {
  return asRoot && !isRoot ? ['sudo', '--', ...argv] : argv;
}

function commandLines(commands: readonly Command[], places: TrustPlaces): string {
  return commands.map((command) => `      ${commandLine(command, places)}`).join('\n');
}

/** For a shell of the platform. */
function commandLine(command: Command, places: TrustPlaces): string {
  const quote = places.platform === 'win32' ? quotedForWindows : quotedForShell;
  return wordsOf(command, places).map(quote).join(' ');
}

function quotedForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function quotedForWindows(word: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(word) ? word : `"${word}"`;
}

/** What `apply` would run, for those who would rather do it themselves. */
export function printed(wish: TrustWish, stores: readonly Store[], places: TrustPlaces): string {
  return stores
    .map((store) => {
      const lines = store[wish].map((command) => commandLine(command, places));
      const what = store.problem === null ? lines : [`# ${store.problem}`];
      return [`# ${store.name}`, ...what, ''].join('\n');
    })
    .join('\n');
}
