// The store of a Java runtime: the one of JAVA_HOME, else that whose keytool PATH has.
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { programIn } from './places.ts';
import type { Command, Store, TrustedOne, TrustPlaces } from './store.ts';

const CACERTS = [
  ['lib', 'security', 'cacerts'],
  ['jre', 'lib', 'security', 'cacerts'],
];
/** What they all come with; who has changed it is told so by keytool. */
const PASSWORD = 'changeit';

export function javaStores(one: TrustedOne, places: TrustPlaces): readonly Store[] {
  const keytool = keytoolOf(places);
  if (keytool === null) return [];
  const javaHome = dirname(dirname(realpathSync(keytool)));
  const store = CACERTS.map((parts) => join(javaHome, ...parts)).find((path) => existsSync(path));
  if (store === undefined) return [];
  const at = ['-keystore', store, '-storepass', PASSWORD];
  const tool = (...argv: string[]): Command => ({ argv: [keytool, ...argv], asRoot: !mayWrite(store) });
  return [
    {
      name: `Java (${store})`,
      problem: null,
      isTrusted: () => {
        const { code, stdout } = places.run([keytool, '-list', ...at]);
        return code === 0 ? stdout.includes(one.fingerprint) : null;
      },
      get untrust() {
        const { stdout } = places.run([keytool, '-list', ...at]);
        return aliasesOf(stdout, one).map((alias) => tool('-delete', ...at, '-alias', alias));
      },
      trust: [tool('-importcert', '-noprompt', ...at, '-file', one.path, '-alias', one.name)],
    },
  ];
}

/** Debian's own update of the system's store puts it there as well, under a name that it leaves behind when the certificate goes. */
function aliasesOf(list: string, { name, fingerprint }: TrustedOne): readonly string[] {
  const lines = list.split('\n');
  const found = lines.flatMap((line, i) =>
    line.includes(fingerprint) ? (/^(.+?), /.exec(lines[i - 1] ?? '')?.[1] ?? []) : [],
  );
  return found.length === 0 ? [name] : found;
}

function keytoolOf(places: TrustPlaces): string | null {
  const named = places.env.JAVA_HOME ?? '';
  const program = places.platform === 'win32' ? 'keytool.exe' : 'keytool';
  const own = join(named, 'bin', program);
  return named !== '' && existsSync(own) ? own : programIn('keytool', places);
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
