// The control servers: XML-RPC, logs and status page on each of the addresses that the configuration names, and on lbproxy's own socket.
import type { ControlServerPlan } from '../plan.ts';
import { ControlFront } from './control-front.ts';
import type { Site } from './control-requests.ts';
import { addressText, openSocket, setRights } from './control-socket.ts';
import type { PoolFace } from './face.ts';
import { fileLogReader, type LogReader } from './log-reader.ts';

export interface ControlOptions {
  readonly pool: PoolFace;
  /** lbproxy's own. */
  readonly version: string;
  /** For lbproxy's log. */
  readonly report: (text: string) => void;
  readonly logs?: LogReader;
}

export interface ControlPlan {
  readonly plan: ControlServerPlan;
  /** lbproxy's own socket, which takes the commands of `lbproxy ctl` too. */
  readonly own: boolean;
}

/** Once acceptors serve. */
const LOAD_AFTER_MS = 200;

interface Listening {
  plan: ControlPlan;
  readonly front: ControlFront;
  readonly takeAway: () => Promise<void>;
}

export class ControlServer {
  readonly #options: ControlOptions;
  #open: readonly Listening[] = [];
  #closed = false;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Opens all. Rejects, with nothing open, when one of them cannot be opened. */
  open(plans: readonly ControlPlan[]): Promise<void> {
    return this.reload(plans);
  }

  /** Goes over to other plans. Those that listen on the same address stay open. Rejects, with all as it was, when one cannot be opened. */
  async reload(plans: readonly ControlPlan[]): Promise<void> {
    const opened: Listening[] = [];
    const next: Listening[] = [];
    try {
      for (const plan of plans) {
        const same = this.#open.find(
          (l) => addressText(l.plan.plan.address) === addressText(plan.plan.address),
        );
        const listening = same ?? (await this.#listen(plan));
        if (same === undefined) opened.push(listening);
        next.push(listening);
      }
      // The end came while they were opened.
      if (this.#closed) throw new Error('lbproxy is about to end');
    } catch (error) {
      await Promise.all(opened.map(close));
      throw error;
    }
    const gone = this.#open.filter((listening) => !next.includes(listening));
    this.#open = next;
    for (const [i, listening] of next.entries()) await this.#change(listening, plans[i]);
    await Promise.all(gone.map(close));
  }

  /** Any of them listens. */
  get isOpen(): boolean {
    return this.#open.length > 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = this.#open;
    this.#open = [];
    await Promise.all(open.map(close));
  }

  /** Port of a plan with port 0; for tests and logs. */
  ports(): readonly (number | null)[] {
    return this.#open.map(({ front }) => {
      const address = front.server.address();
      return typeof address === 'object' ? (address?.port ?? null) : null;
    });
  }

  async #change(listening: Listening, plan: ControlPlan): Promise<void> {
    const [before, after] = [listening.plan.plan.address, plan.plan.address];
    listening.plan = plan;
    if (after.kind !== 'unix' || JSON.stringify(before) === JSON.stringify(after)) return;
    try {
      await setRights(after.path, after);
    } catch (error) {
      this.#options.report(`${plan.plan.at}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #listen(plan: ControlPlan): Promise<Listening> {
    const { pool, version, report, logs = fileLogReader } = this.#options;
    // Before it listens: somebody may wait for the socket and ask the moment that it is there.
    let current: Listening | null = null;
    const front = new ControlFront((request, response) => {
      const site: Site = { pool, version, report, logs, ...(current?.plan ?? plan) };
      loadRequests().then(
        ({ answerRequest }) => answerRequest(site, request, response),
        (error: unknown) => {
          report(`a control request cannot be answered: ${String(error)}; restart lbproxy`);
          response.writeHead(500).end();
        },
      );
    });
    const takeAway = await openSocket(front.server, plan.plan);
    // Where that fails, a request says so.
    setTimeout(() => loadRequests().catch(() => {}), LOAD_AFTER_MS).unref();
    front.server.on('error', (error) => report(`${addressText(plan.plan.address)}: ${error.message}`));
    const listening: Listening = { plan, front, takeAway };
    current = listening;
    return listening;
  }
}

/** What answers: not before somebody asks, or all serve. */
const loadRequests = (): Promise<typeof import('./control-requests.ts')> => import('./control-requests.ts');

async function close({ front, takeAway }: Listening): Promise<void> {
  await takeAway();
  await front.close();
}
