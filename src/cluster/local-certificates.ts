// The primary's part of local certificates: the authority, the leaves it signs, and what programs need to believe them.
import type { Model } from '../config/model.ts';
import {
  type Authority,
  type AuthorityPlaces,
  type EnsuredAuthority,
  ensureAuthority,
} from '../local-ca/authority.ts';
import type { Leaf, Leaves } from '../local-ca/leaf.ts';
import { LeafStock } from '../local-ca/leaf-stock.ts';
import { TrustFiles } from '../local-ca/trust-files.ts';
import type { Log } from '../observe/error-log.ts';
import { openStateDirectory } from './state-directory.ts';

export { LeafStock };

/** Whose they are. */
export interface LocalHome {
  readonly log: Log;
  readonly stateDir: string;
}

/** Where the authority of this state directory is. */
export function authorityPlaces(stateDir: string): AuthorityPlaces {
  return { stateDir, env: process.env, platform: process.platform };
}

/** Rejects with a text that names the directory and the next step. */
export async function authorityIn(stateDir: string): Promise<EnsuredAuthority> {
  openStateDirectory(stateDir);
  try {
    return await ensureAuthority(authorityPlaces(stateDir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    const why = (error as Error).message;
    throw new Error(
      `the local authority cannot be kept in ${stateDir}: ${why}; set state_path to a directory that lbproxy may write`,
    );
  }
}

export class LocalCertificates {
  readonly #home: LocalHome;
  readonly #stock = new LeafStock();
  readonly #files: TrustFiles;
  #told = '';

  constructor(home: LocalHome) {
    this.#home = home;
    this.#files = new TrustFiles(home.stateDir, (message) => home.log.warn(message));
  }

  /** Of all servers that have `ssl_certificate local`; rejects where they cannot be made. */
  async gather(model: Model): Promise<Leaves> {
    const { authority, created, warnings } = await authorityIn(this.#home.stateDir);
    const { log } = this.#home;
    for (const text of warnings) log.warn(text);
    if (created)
      log.notice(
        `made a local authority: ${authority.path}; lbproxy trust has browsers and the system believe its certificates`,
      );
    const leaves = await this.#stock.leavesOf(model, authority);
    this.#tell(authority);
    this.#files.use(authority);
    return leaves;
  }

  #tell({ origin, path }: Authority): void {
    if (origin === 'mkcert' && this.#told !== path)
      this.#home.log.notice(`local certificates are signed by the authority of mkcert: ${path}`);
    this.#told = path;
  }

  keepOnly(model: Model, isUsed: boolean): void {
    this.#stock.keepOnly(model);
    if (!isUsed) this.#files.forget();
  }

  /** For an acceptor whose client waits. */
  find(wanted: string): Promise<Leaf | null> {
    return this.#stock.find(wanted);
  }

  /** Variables that have a program of this user believe the certificates; null stands for our own user. */
  variablesFor(uid: number | null): Readonly<Record<string, string>> {
    return this.#files.variablesFor(uid);
  }
}
