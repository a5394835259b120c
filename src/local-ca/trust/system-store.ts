// The store of the operating system: what curl, Python, Go, Ruby and the browsers of macOS and Windows look into.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programIn } from './places.ts';
import { bodyOf, type Command, type Store, type TrustedOne, type TrustPlaces } from './store.ts';

/** A directory for authorities of one's own, and the command that makes bundles of them. */
interface Anchors {
  readonly system: string;
  readonly directory: string;
  readonly update: readonly string[];
  /** What it makes. */
  readonly bundles: readonly string[];
}

/** Those whose directory is there: in this order, as some have the directories of others too. */
const ANCHORS: readonly Anchors[] = [
  {
    system: 'Fedora, RHEL',
    directory: '/etc/pki/ca-trust/source/anchors',
    update: ['update-ca-trust', 'extract'],
    bundles: ['/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem'],
  },
  {
    system: 'Arch',
    directory: '/etc/ca-certificates/trust-source/anchors',
    update: ['trust', 'extract-compat'],
    bundles: ['/etc/ca-certificates/extracted/tls-ca-bundle.pem'],
  },
  {
    system: 'SUSE',
    directory: '/usr/share/pki/trust/anchors',
    update: ['update-ca-certificates'],
    bundles: ['/var/lib/ca-certificates/ca-bundle.pem', '/etc/ssl/ca-bundle.pem'],
  },
  {
    system: 'Debian, Ubuntu, Alpine',
    directory: '/usr/local/share/ca-certificates',
    update: ['update-ca-certificates'],
    bundles: ['/etc/ssl/certs/ca-certificates.crt'],
  },
];

export function systemStore(one: TrustedOne, places: TrustPlaces): Store {
  if (places.platform === 'darwin') return keychain(one, places);
  if (places.platform === 'win32') return windowsStore(one, places);
  const present = ANCHORS.filter(({ directory }) => existsSync(places.root + directory));
  const anchors = present.find(({ update }) => programIn(update[0], places) !== null);
  if (anchors !== undefined) return anchorStore(one, anchors, places);
  const [missing] = present;
  const problem =
    missing === undefined
      ? `no directory for authorities is known here (${ANCHORS.map(({ directory }) => directory).join(', ')}): install the package ca-certificates`
      : `${missing.update[0]} is missing: install the package ca-certificates`;
  return { name: 'system', problem, isTrusted: () => null, trust: [], untrust: [] };
}

function anchorStore(
  one: TrustedOne,
  { system, directory, update, bundles }: Anchors,
  { root }: TrustPlaces,
): Store {
  const file = join(root + directory, `${one.name.replaceAll(' ', '_')}.crt`);
  const asRoot = (...argv: string[]): Command => ({ argv, asRoot: true });
  const body = bodyOf(one.certificate);
  return {
    name: `system (${system})`,
    problem: null,
    isTrusted: () => bundles.some((bundle) => bodyOf(textOf(root + bundle)).includes(body)),
    trust: [asRoot('install', '-m', '0644', one.path, file), asRoot(...update)],
    untrust: [asRoot('rm', '-f', file), asRoot(...update)],
  };
}

/** macOS. */
function keychain({ path }: TrustedOne, places: TrustPlaces): Store {
  const security = (...argv: string[]): Command => ({ argv: ['security', ...argv], asRoot: true });
  return {
    name: 'system (macOS)',
    problem: null,
    isTrusted: () => answerOf(places, ['security', 'verify-cert', '-c', path]),
    trust: [
      security('add-trusted-cert', '-d', '-r', 'trustRoot', '-k', '/Library/Keychains/System.keychain', path),
    ],
    untrust: [security('remove-trusted-cert', '-d', path)],
  };
}

/** That of the user: nobody has to be administrator. */
function windowsStore({ path, serial }: TrustedOne, places: TrustPlaces): Store {
  const certutil = (...argv: string[]): Command => ({
    argv: ['certutil.exe', '-user', ...argv],
    asRoot: false,
  });
  return {
    name: 'system (Windows)',
    problem: null,
    isTrusted: () => answerOf(places, ['certutil.exe', '-user', '-verifystore', 'Root', serial]),
    trust: [certutil('-addstore', '-f', 'Root', path)],
    untrust: [certutil('-delstore', 'Root', serial)],
  };
}

function answerOf(places: TrustPlaces, argv: readonly string[]): boolean | null {
  const { code } = places.run(argv);
  return code === null ? null : code === 0;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
