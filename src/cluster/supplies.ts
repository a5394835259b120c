// What a configuration needs of the system before acceptors can serve it: bound addresses, a certificate, the addresses of host names.
import type { Model } from '../config/model.ts';
import type { Face } from '../face/face.ts';
import { type CertificatePaths, readTlsFiles } from '../listen/tls-files.ts';
import type { Leaves } from '../local-ca/leaf.ts';
import type { Log } from '../observe/error-log.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import { systemValidMs } from '../upstream/discovery.ts';
import type { AcceptorSlot } from './acceptor-slot.ts';
import { descriptorProblem } from './descriptors.ts';
import { listenerIdentity } from './listener-identity.ts';
import { LocalCertificates } from './local-certificates.ts';
import type { PrepareProblem, TlsMessage } from './messages.ts';
import { followedHosts, listensOf, placeOfLocal, placeOfSelfSigned } from './needs.ts';
import { Refusal } from './refusal.ts';
import { HostResolver } from './resolver.ts';
import { ensureSelfSigned } from './self-signed.ts';
import { BindError, Sockets } from './sockets.ts';
import { wantedAcceptors } from './wanted-acceptors.ts';

/** Whose they are. */
export interface SupplyHome {
  readonly log: Log;
  readonly face: Face;
  /** Where a self-signed certificate lies. */
  readonly stateDir: string;
}

export class Supplies {
  readonly #home: SupplyHome;
  readonly #sockets = new Sockets();
  readonly #resolver: HostResolver;
  readonly local: LocalCertificates;

  /** `onHosts` hears that a name has other addresses. */
  constructor(home: SupplyHome, onHosts: () => void) {
    this.#home = home;
    this.local = new LocalCertificates(home);
    this.#resolver = new HostResolver(home, onHosts);
  }

  get hosts(): HostResolver['hosts'] {
    return this.#resolver.hosts;
  }

  /** All that is bound, by address. */
  get sockets(): ReadonlyMap<string, unknown> {
    return this.#sockets.handles;
  }

  /** Takes over what another primary has bound. */
  adopt(sockets: ReadonlyMap<string, unknown>): void {
    this.#sockets.adopt(sockets);
  }

  /** Gets what is missing. Rejects with all that cannot be had. `running`: what takes descriptors now. */
  async gather(
    model: Model,
    pool: PoolPlan,
    running: { readonly acceptors: number; readonly processes: number },
  ): Promise<TlsMessage> {
    const problems: PrepareProblem[] = [];
    for (const [key, listen] of listensOf(model)) {
      await this.#sockets.open(key, listen, this.#home.face.bindTries).catch((error: Error) => {
        const plain = error instanceof BindError ? error.plain : undefined;
        problems.push({ at: listen.at, message: error.message, plain });
      });
    }
    const short = descriptorProblem(pool, wantedAcceptors(model), running);
    if (short !== null) problems.push(short);
    const selfSigned = await this.#selfSigned(placeOfSelfSigned(model), problems);
    const leaves = await this.#leaves(model, problems);
    if (problems.length > 0) throw new Refusal(problems);
    const tls = { selfSigned, files: readTlsFiles(model, selfSigned), leaves };
    await this.#resolver.follow(followedHosts(model), systemValidMs(model.settings));
    return tls;
  }

  /** For the server of that place, if there is one. */
  async #selfSigned(at: string | undefined, problems: PrepareProblem[]): Promise<CertificatePaths | null> {
    if (at === undefined) return null;
    const { log, stateDir } = this.#home;
    try {
      const { created, certificate, key, warnings } = await ensureSelfSigned(stateDir);
      for (const text of warnings) log.warn(text);
      if (created) log.notice(`made a self-signed certificate: ${certificate}`);
      return { certificate, key };
    } catch (error) {
      problems.push({ at, message: (error as Error).message });
      return null;
    }
  }

  async #leaves(model: Model, problems: PrepareProblem[]): Promise<Leaves | undefined> {
    const at = placeOfLocal(model);
    if (at === undefined) return undefined;
    try {
      return await this.local.gather(model);
    } catch (error) {
      problems.push({ at, message: (error as Error).message });
      return undefined;
    }
  }

  /** Sends an acceptor the sockets that it has not. */
  send(slot: AcceptorSlot, model: Model): void {
    for (const [key, listen] of listensOf(model)) {
      slot.sendSocket(listenerIdentity(key, listen.ssl), this.#sockets.handle(key));
    }
  }

  /** Forgets the names and sockets that this configuration has not, also those that a refused one had sent to acceptors. */
  keepThoseOf(model: Model, slots: readonly AcceptorSlot[]): void {
    this.#resolver.keep(followedHosts(model), systemValidMs(model.settings));
    this.local.keepOnly(model, placeOfLocal(model) !== undefined);
    const listens = listensOf(model);
    this.#sockets.keep(new Set(listens.keys()));
    const identities = new Set([...listens].map(([key, listen]) => listenerIdentity(key, listen.ssl)));
    for (const slot of slots) slot.keepSockets(identities);
  }

  /** `handedOver`: another primary has the sockets, too. */
  end(handedOver: boolean): void {
    // While one process has a listening socket open the kernel takes connections for it that nobody would serve.
    if (handedOver) this.#sockets.forget();
    else this.#sockets.close();
    this.#resolver.stop();
  }
}
