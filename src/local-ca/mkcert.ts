// Where mkcert keeps its authority (its README, "Changing the location of the CA files"): who has told the machine to trust that one needs
// no other.
import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** The directory that `mkcert -CAROOT` prints; null where there is no home. */
export function mkcertRoot(env: Environment, platform: NodeJS.Platform): string | null {
  const named = env.CAROOT ?? '';
  if (named !== '') return isAbsolute(named) ? named : null;
  const { HOME: home = '' } = env;
  const below = (directory: string | undefined, ...rest: string[]): string | null =>
    directory === undefined || directory === '' ? null : join(directory, ...rest, 'mkcert');
  if (platform === 'win32') return below(env.LOCALAPPDATA);
  if ((env.XDG_DATA_HOME ?? '') !== '') return below(env.XDG_DATA_HOME);
  if (platform === 'darwin') return below(home, 'Library', 'Application Support');
  return below(home, '.local', 'share');
}

export const MKCERT_CERTIFICATE = 'rootCA.pem';
export const MKCERT_KEY = 'rootCA-key.pem';
