// NSS: Firefox has a store in each profile, Chromium and Chrome on Linux one in the home directory.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { programIn } from './places.ts';
import { bodyOf, type Command, type Store, type TrustedOne, type TrustPlaces } from './store.ts';

/** Of a home directory: plain, snap, flatpak, macOS. */
const FIREFOX = [
  ['.mozilla', 'firefox'],
  ['.config', 'mozilla', 'firefox'],
  ['snap', 'firefox', 'common', '.mozilla', 'firefox'],
  ['.var', 'app', 'org.mozilla.firefox', '.mozilla', 'firefox'],
  ['Library', 'Application Support', 'Firefox', 'Profiles'],
];
const CHROMIUM = [
  ['.pki', 'nssdb'],
  ['.local', 'share', 'pki', 'nssdb'],
  ['snap', 'chromium', 'current', '.pki', 'nssdb'],
];
/** They make their store when they first run; it is made for them before. */
const BROWSERS = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
  'brave-browser',
];

export function nssStores(one: TrustedOne, places: TrustPlaces): readonly Store[] {
  const { home } = places;
  const certutil = programIn('certutil', places);
  const firefox = FIREFOX.flatMap((parts) => profilesIn(join(home, ...parts))).map((directory) =>
    nssStore('Firefox', { directory, isNew: false, certutil }, { one, places }),
  );
  const present = CHROMIUM.map((parts) => join(home, ...parts)).filter(hasStore);
  const made = present.length === 0 && hasChromium(places) ? [join(home, '.pki', 'nssdb')] : [];
  const chromium = [...present, ...made].map((directory) =>
    nssStore('Chromium', { directory, isNew: made.includes(directory), certutil }, { one, places }),
  );
  return [...chromium, ...firefox];
}

/** Windows has no store of this kind, and a program certutil that is another. */
function hasChromium(places: TrustPlaces): boolean {
  return places.platform === 'linux' && BROWSERS.some((name) => programIn(name, places) !== null);
}

function profilesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .map((name) => join(directory, name))
      .filter(hasStore);
  } catch {
    return [];
  }
}

function hasStore(directory: string): boolean {
  return existsSync(join(directory, 'cert9.db'));
}

interface Database {
  readonly directory: string;
  /** It has to be made. */
  readonly isNew: boolean;
  readonly certutil: string | null;
}

function nssStore(
  browser: string,
  { directory, isNew, certutil }: Database,
  { one, places }: { readonly one: TrustedOne; readonly places: TrustPlaces },
): Store {
  const at = ['-d', `sql:${directory}`];
  const own = (...argv: string[]): Command => ({ argv, asRoot: false });
  const tool = (...argv: string[]): Command => own('certutil', ...argv);
  const make = [own('mkdir', '-p', directory), tool('-N', '--empty-password', ...at)];
  const install =
    places.platform === 'darwin' ? 'brew install nss' : 'apt-get install libnss3-tools (nss-tools, nss)';
  return {
    name: `${browser} (${browser === 'Firefox' ? directory : join(dirname(directory), 'nssdb')})`,
    problem: certutil === null ? `certutil is missing: ${install}` : null,
    isTrusted: () => {
      const { code, stdout } = places.run(['certutil', '-L', ...at, '-n', one.name, '-a']);
      return code === null ? null : code === 0 && bodyOf(stdout).includes(bodyOf(one.certificate));
    },
    trust: [...(isNew ? make : []), tool('-A', ...at, '-t', 'C,,', '-n', one.name, '-i', one.path)],
    untrust: isNew ? [] : [tool('-D', ...at, '-n', one.name)],
  };
}
