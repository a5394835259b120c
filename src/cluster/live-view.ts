// The live view in the primary: opens its server where the configuration asks for one, and answers for lbproxy. The token stays the same
// over restarts, so that a page that is open goes on.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Peer } from '../balance/peer.ts';
import { LiveEvents } from '../cockpit/events.ts';
import type {
  CockpitFace,
  FaultWish,
  Outcome,
  PeerView,
  PeerWish,
  SettingView,
  TopologyView,
} from '../cockpit/face.ts';
import { faultHint } from '../cockpit/fault-hint.ts';
import { forgetPlace, keepPlace, keepPort, keptPort, placeFile, readSecret } from '../cockpit/kept-place.ts';
import { livePage } from '../cockpit/page.ts';
import type { LiveViewAddress } from '../cockpit/rows.ts';
import { CockpitServer } from '../cockpit/server.ts';
import type { Model } from '../config/model.ts';
import type { LiveFault } from '../features/faults/live-faults.ts';
import type { Answer, Question } from '../inspect/questions.ts';
import type { Log } from '../observe/error-log.ts';
import { replaceFile } from '../shared/replace-file.ts';
import type { PoolFace } from '../supervise/control/face.ts';
import type { Steered } from '../upstream/discovery.ts';
import { VERSION } from '../version.ts';
import type { AcceptorPool } from './acceptor-pool.ts';
import type { Announcer } from './announcer.ts';
import type { GroupHub } from './group-hub.ts';
import { topologyOf } from './live-view-model.ts';
import type { TrafficHub } from './traffic-hub.ts';

/** What stands in the files. */
export interface Written {
  readonly settings: readonly SettingView[];
  /** Warnings and errors, each with its place. */
  readonly problems: readonly string[];
}

/** The primary, as far as it is of interest here. */
export interface LiveViewHome {
  readonly log: Log;
  /** What is served. */
  readonly model: Model;
  readonly stateDir: string;
  readonly traffic: TrafficHub;
  /** null before they are started. */
  readonly programs: PoolFace | null;
  reload(): Promise<Outcome>;
}

/** What it works with. */
export interface LiveViewMeans {
  readonly acceptors: Pick<AcceptorPool, 'ask' | 'broadcast'>;
  readonly hub: GroupHub;
  /** Tells acceptors what is wished of peers. */
  readonly announcer: Announcer;
  /** Its path, and what files that belong to it are called in the state directory. */
  readonly configuration: { readonly path: string; readonly name: string };
  /** The configuration as its files have it now. */
  readonly written: () => Written;
}

/** An inspector that is busy longer than this is not waited for; a replay waits for peers. */
const ANSWER_MS = 2000;
const REPLAY_MS = 120_000;

type Wishes = Record<string, Record<string, Steered>>;

export class LiveView implements CockpitFace {
  readonly version = VERSION;
  readonly events = new LiveEvents();
  readonly #home: LiveViewHome;
  readonly #means: LiveViewMeans;
  #server: CockpitServer | null = null;
  #address = '';
  #wishes: Wishes = {};
  #faults: readonly LiveFault[] = [];

  constructor(home: LiveViewHome, means: LiveViewMeans) {
    this.#home = home;
    this.#means = means;
  }

  /** A log that tells the live view, too. */
  listening(log: Log): Log {
    const told = {
      notice: 'info',
      warn: 'warn',
      error: 'error',
      crit: 'error',
      alert: 'error',
      emerg: 'error',
    } as const;
    const own: Partial<Record<keyof Log, Log['notice']>> = {};
    for (const [level, shown] of Object.entries(told) as [
      keyof typeof told,
      (typeof told)[keyof typeof told],
    ][])
      own[level] = (message, fields) => {
        this.events.add(shown, message);
        log[level](message, fields);
      };
    return { ...log, ...own };
  }

  /** A configuration holds from now on. What somebody wished is over with the one before. Whatever keeps the page away keeps nothing else. */
  async use(): Promise<void> {
    if (Object.keys(this.#wishes).length > 0) {
      this.#wishes = {};
      this.#means.announcer.announce();
    }
    if (this.#faults.length > 0) this.#useFaults([]);
    const { liveView } = this.#home.model.settings;
    const address = JSON.stringify(liveView);
    if (address === this.#address) return;
    await this.close();
    this.#address = address;
    if (liveView === null) return;
    try {
      await this.#open(liveView);
    } catch (error) {
      // The next reload tries again.
      await this.close();
      this.#address = '';
      this.#home.log.warn((error as Error).message);
    }
  }

  async #open(address: LiveViewAddress): Promise<void> {
    const { log, stateDir } = this.#home;
    const { name, path } = this.#means.configuration;
    const server = new CockpitServer({
      face: this,
      token: this.#token(),
      page: livePage,
      report: (text) => log.error(text),
    });
    const kept = address.mayMove ? keptPort(stateDir, name) : 0;
    const wanted = kept || address.port;
    await server.open(address, wanted);
    this.#server = server;
    const { port, url } = server;
    const others = kept > 0 ? ', and pages that were open have to be opened anew' : '';
    if (port !== wanted) log.notice(`port ${wanted} is taken: the live view is at ${port} now${others}`);
    if (address.mayMove) keepPort(stateDir, name, port);
    keepPlace(placeFile(stateDir, name), url, path);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    forgetPlace(placeFile(this.#home.stateDir, this.#means.configuration.name), server.url);
    await server.close();
  }

  /** Where a browser finds it; '' while it is closed. */
  get url(): string {
    return this.#server?.url ?? '';
  }

  #token(): string {
    const file = join(this.#home.stateDir, 'live-view.token');
    const kept = readSecret(file);
    if (/^[A-Za-z0-9_-]{32,}$/.test(kept)) return kept;
    const token = randomBytes(24).toString('base64url');
    replaceFile(file, `${token}\n`, 0o600);
    return token;
  }

  get steered(): Readonly<Wishes> {
    return this.#wishes;
  }

  get configuration(): string {
    return this.#means.configuration.path;
  }

  snapshot() {
    return this.#home.traffic.fresh();
  }

  metrics(openMetrics: boolean): Promise<string> {
    return this.#home.traffic.text(openMetrics);
  }

  topology(): TopologyView {
    return topologyOf(this.#home.model);
  }

  settings(): readonly SettingView[] {
    return this.#means.written().settings;
  }

  problems(): readonly string[] {
    return this.#means.written().problems;
  }

  get programs(): PoolFace | null {
    return this.#home.programs;
  }

  peers(): readonly PeerView[] {
    const now = performance.now();
    return this.#means.hub
      .groups()
      .flatMap(({ name, peers }) => peers.map((peer) => this.#peerView(name, peer, now)));
  }

  #peerView(upstream: string, peer: Peer, now: number): PeerView {
    const { name, weight, fails, active, config, process } = peer;
    const wish = this.#wishes[upstream]?.[name]?.state ?? 'up';
    const [state, why] = stateOf(peer, wish, now);
    const shown = process?.name ?? '';
    return { upstream, peer: name, weight, backup: config.backup, state, why, fails, active, process: shown };
  }

  setPeer(upstream: string, peer: string, wish: PeerWish): Outcome {
    const known = this.peers().find((view) => view.upstream === upstream && view.peer === peer);
    if (known === undefined) return { ok: false, text: `there is no peer ${peer} in ${upstream}` };
    const before = this.#wishes[upstream]?.[peer] ?? { state: 'up', weight: null };
    const after: Steered =
      wish.action === 'weight' ? { ...before, weight: wish.weight } : { ...before, state: wish.action };
    this.#wishes = { ...this.#wishes, [upstream]: { ...this.#wishes[upstream], [peer]: after } };
    this.#means.announcer.announce();
    const what = wish.action === 'weight' ? `has weight ${wish.weight}` : `is ${wish.action}`;
    this.#home.log.notice(`peer ${peer} of ${upstream} ${what} until the next reload, by the live view`);
    return { ok: true, text: `${peer} ${what}` };
  }

  faults(): readonly LiveFault[] {
    return this.#faults;
  }

  async setFault(wish: FaultWish): Promise<Outcome> {
    if (this.#home.model.settings.inspector === null)
      return { ok: false, text: 'faults are set live only where "inspector" is on (lbproxy dev sets it)' };
    const { server, location, kind } = wish;
    const known = this.topology().servers.find((one) => one.server === server);
    if (known === undefined) return { ok: false, text: `there is no server ${server}` };
    if (!known.locations.some((one) => one.location === location))
      return { ok: false, text: `there is no location ${location} in ${server}` };
    const others = this.#faults.filter(
      (one) => one.kind !== kind || one.server !== server || one.location !== location,
    );
    this.#useFaults('value' in wish ? [...others, wish] : others);
    const what =
      'value' in wish
        ? `is ${wish.value} for ${Math.round(wish.share * 1e8) / 1e6}% of requests until the next reload`
        : 'is off';
    const text = `fault_${kind} of ${server} ${location} ${what}`;
    const hint = 'value' in wish ? faultHint([known], wish, kind) : '';
    this.#home.log.notice(`${text}, by the live view`);
    // Whoever answers this has read what was sent before.
    await this.ask({ ask: 'list', filter: '', after: 0, limit: 0 });
    return { ok: true, text: hint === '' ? text : `${text}; but ${hint}` };
  }

  #useFaults(faults: readonly LiveFault[]): void {
    this.#faults = faults;
    this.#means.acceptors.broadcast({ type: 'faults', faults });
  }

  async ask(question: Question, acceptor = 0): Promise<ReadonlyMap<number, Answer>> {
    const limitMs = question.ask === 'replay' ? REPLAY_MS : ANSWER_MS;
    const answers = await this.#means.acceptors.ask(JSON.stringify(question), limitMs, acceptor);
    return new Map([...answers].map(([id, text]) => [id, JSON.parse(text) as Answer]));
  }

  reload(): Promise<Outcome> {
    return this.#home.reload();
  }
}

function stateOf(
  peer: Peer,
  wish: Steered['state'],
  now: number,
): readonly [state: PeerView['state'], why: string] {
  if (wish !== 'up') return [wish, 'by wish'];
  if (peer.down) return ['down', peer.process === null ? 'by configuration' : 'its process does not serve'];
  if (peer.isFailing(now)) return ['failed', `${peer.fails} failure${peer.fails === 1 ? '' : 's'}`];
  return ['up', ''];
}
