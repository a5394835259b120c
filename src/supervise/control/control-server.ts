// The control servers: XML-RPC, logs and status page on each of the addresses that the configuration names, and on lbproxy's own socket.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { nodeHttp } from '../../shared/node-parts.ts';
import type { ControlServerPlan } from '../plan.ts';
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

const MAX_CONNECTIONS = 64;
const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CHECK_EVERY_MS = 2000;
const PROBE_AFTER_MS = 60_000;
/** Supervisor's own client does not open a closed connection anew. */
const IDLE_TIMEOUT_MS = 30 * 60_000;

interface Listening {
  plan: ControlPlan;
  readonly server: Server;
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
    return this.#open.map(({ server }) => {
      const address = server.address();
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
    // Not before: acceptors are sooner up without it.
    const { answerRequest } = await import('./control-requests.ts');
    const { pool, version, report, logs = fileLogReader } = this.#options;
    const server = nodeHttp().createServer({
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      // A reader of a log whose machine is gone is found out.
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
    });
    // Before it listens: somebody may wait for the socket and ask the moment that it is there.
    let current: Listening | null = null;
    const busy = limitConnections(server);
    server.on('clientError', (_error, socket) => socket.destroy());
    server.on('request', (request, response) => {
      const { socket } = request;
      busy(socket, true);
      response.once('close', () => busy(socket, false));
      const site: Site = { pool, version, report, logs, ...(current?.plan ?? plan) };
      void answerRequest(site, request, response);
    });
    const takeAway = await openSocket(server, plan.plan);
    server.on('error', (error) => report(`${addressText(plan.plan.address)}: ${error.message}`));
    const listening: Listening = { plan, server, takeAway };
    current = listening;
    return listening;
  }
}

/** Above the limit, the connection that has been idle for longest is closed; when all are busy, the new one. */
function limitConnections(server: Server): (socket: Socket, isBusy: boolean) => void {
  const idle = new Set<Socket>();
  let count = 0;
  server.on('connection', (socket: Socket) => {
    count++;
    socket.on('error', () => {});
    socket.once('close', () => {
      count--;
      idle.delete(socket);
    });
    if (count > MAX_CONNECTIONS) {
      const [longest = socket] = idle;
      longest.destroy();
    }
    idle.add(socket);
  });
  return (socket, isBusy) => {
    idle.delete(socket);
    if (!isBusy && !socket.destroyed) idle.add(socket);
  };
}

async function close({ server, takeAway }: Listening): Promise<void> {
  await takeAway();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
