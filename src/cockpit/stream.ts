// One page that is open: server-sent events (text/event-stream) with what is new, each turn as one write. A turn is left out while the page
// has not taken what it was sent before, so nothing waits here for a page that is slow.
import type { ServerResponse } from 'node:http';
import { readFilter } from '../inspect/filter.ts';
import { CallError } from './call-input.ts';
import type { LiveEvent } from './events.ts';
import type { CockpitFace, TopologyView } from './face.ts';
import { type ProgramLog, programLog } from './program-calls.ts';
import { listRequests, type RequestList, readVersions, type Versions } from './request-list.ts';
import type { StateView } from './state-view.ts';

/** What a stream brings, by the name of the event. */
export interface StreamEvents {
  readonly state: StateView;
  /** At first, and with each configuration. */
  readonly topology: TopologyView;
  readonly events: { readonly events: readonly LiveEvent[] };
  readonly requests: RequestList;
  readonly log: StreamedLog;
  /** What could not be brought this time, and why. */
  readonly problem: { readonly problem: string };
}

/** The end of a log, whenever it is another one than before. */
export interface StreamedLog extends ProgramLog {
  /** As it was asked for: `stdout:app_00`. */
  readonly log: string;
  /** Why there is none; '' otherwise. */
  readonly problem: string;
}

export interface StreamWish {
  /** What was seen of which run of lbproxy; of another one it says nothing. */
  readonly run: number;
  readonly afterEvent: number;
  readonly after: Versions;
  /** null = no requests. */
  readonly filter: string | null;
  readonly logs: readonly string[];
}

/** What all streams get. */
export interface Turn {
  readonly run: number;
  readonly acceptors: ReadonlySet<number>;
  readonly state: string;
  readonly topology: { readonly key: string; readonly text: string };
}

/** No more requests go out in a turn than anybody could read. */
const MOST_REQUESTS = 500;
const TAIL_BYTES = 65_536;
const MOST_LOGS = 20;
/** A page that takes nothing for so many turns is gone, or stopped: it comes back by itself. */
const MOST_SKIPPED = 60;

export function eventText<K extends keyof StreamEvents>(name: K, value: StreamEvents[K]): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}

/** Throws what is wrong with the filter. */
export function readStreamWish(query: URLSearchParams): StreamWish {
  const filter = query.get('filter');
  const passes = readFilter(filter ?? '');
  if (typeof passes !== 'function') throw new CallError(400, passes.problem);
  return {
    run: Number(query.get('run') ?? 0),
    afterEvent: Number(query.get('event') ?? 0),
    after: readVersions(query.get('after') ?? ''),
    filter,
    logs: query.getAll('log').slice(0, MOST_LOGS),
  };
}

export class LiveStream {
  readonly #face: CockpitFace;
  readonly #response: ServerResponse;
  readonly #filter: string | null;
  readonly #logs: Map<string, string>;
  readonly #run: number;
  #lastEvent: number;
  #versions: Versions;
  #isFirst = true;
  #isListing = false;
  #isReadingLogs = false;
  #topology = '';
  /** The list that was sent last, as it says how far it goes. */
  #listed = '';
  #skipped = 0;

  constructor(face: CockpitFace, response: ServerResponse, wish: StreamWish) {
    this.#face = face;
    this.#response = response;
    this.#run = wish.run;
    this.#lastEvent = wish.afterEvent;
    this.#versions = wish.after;
    this.#filter = wish.filter;
    this.#logs = new Map(wish.logs.map((log) => [log, '']));
    response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    response.flushHeaders();
  }

  /** All that was sent is out of this process. */
  get isReady(): boolean {
    return this.#response.writableLength === 0;
  }

  skip(): void {
    if (++this.#skipped >= MOST_SKIPPED) this.#response.destroy();
  }

  send({ run, acceptors, state, topology }: Turn): void {
    this.#skipped = 0;
    if (this.#isFirst && run !== this.#run) {
      this.#lastEvent = 0;
      this.#versions = {};
    }
    this.#isFirst = false;
    this.#versions = only(this.#versions, acceptors);
    let text = state;
    if (topology.key !== this.#topology) text += topology.text;
    this.#topology = topology.key;
    const events = this.#face.events.since(this.#lastEvent);
    if (events.length > 0) text += eventText('events', { events });
    this.#lastEvent = events.at(-1)?.id ?? this.#lastEvent;
    this.#response.write(text);
    void this.#sendRequests();
    void this.#sendLogs();
  }

  /** Acceptors that are busy keep nothing else away. */
  async #sendRequests(): Promise<void> {
    const filter = this.#filter;
    if (filter === null || this.#isListing) return;
    this.#isListing = true;
    try {
      const list = await listRequests(this.#face, { filter, after: this.#versions, limit: MOST_REQUESTS });
      // One that did not answer in time is as far as it was.
      this.#versions = { ...this.#versions, ...list.versions };
      const versions = Object.keys(list.versions).length === 0 ? NOBODY : this.#versions;
      const listed = JSON.stringify(versions);
      if (listed !== this.#listed) this.#write('requests', { ...list, versions });
      this.#listed = listed;
    } catch (error) {
      this.#write('problem', { problem: (error as Error).message });
    }
    this.#isListing = false;
  }

  async #sendLogs(): Promise<void> {
    if (this.#isReadingLogs) return;
    this.#isReadingLogs = true;
    for (const [log, before] of this.#logs) {
      const found = await this.#logOf(log);
      const key = `${found.path} ${found.problem} ${found.text}`;
      if (key !== before) this.#write('log', found);
      this.#logs.set(log, key);
    }
    this.#isReadingLogs = false;
  }

  async #logOf(log: string): Promise<StreamedLog> {
    const [, stream = '', name = ''] = /^(stdout|stderr):(.*)$/s.exec(log) ?? [];
    try {
      const query = new URLSearchParams({ stream, bytes: String(TAIL_BYTES) });
      return { log, problem: '', ...(await programLog(this.#face, name, query)) };
    } catch (error) {
      return { log, problem: (error as Error).message, text: '', path: null };
    }
  }

  #write<K extends keyof StreamEvents>(name: K, value: StreamEvents[K]): void {
    const { writableEnded, destroyed } = this.#response;
    if (!writableEnded && !destroyed) this.#response.write(eventText(name, value));
  }

  end(): void {
    this.#response.end();
  }
}

const NOBODY: Versions = {};

function only(versions: Versions, acceptors: ReadonlySet<number>): Versions {
  return Object.fromEntries(Object.entries(versions).filter(([id]) => acceptors.has(Number(id))));
}
