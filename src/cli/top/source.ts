// Where readings come from: the live view of the lbproxy that is meant.
import { realpathSync } from 'node:fs';
import { findView } from './find-view.ts';
import { LiveClient, Refused } from './live-client.ts';
import { type Reading, Readings } from './readings.ts';

/** More than a tall terminal has. */
const MOST_REQUESTS = 300;

/** The live view, found again where lbproxy was started anew. */
export class Source {
  readonly #named: string | undefined;
  filter: string;
  readonly #readings = new Readings();
  readonly #closing = new AbortController();
  #client: LiveClient | null = null;

  constructor(named: string | undefined, filter: string) {
    this.#named = named;
    this.filter = filter;
  }

  /** Whatever is under way is given up. */
  close(): void {
    this.#closing.abort();
  }

  async client(): Promise<LiveClient> {
    if (this.#client !== null) return this.#client;
    const place = await findView(this.#named);
    if (typeof place === 'string') throw new Error(place);
    this.#client = new LiveClient(place, this.#closing.signal);
    return this.#client;
  }

  async read(): Promise<Reading> {
    const client = await this.client();
    try {
      const [state, requests] = await Promise.all([
        client.state(),
        client.requests(this.filter, MOST_REQUESTS).catch(withoutRequests),
      ]);
      this.#check(state.configuration);
      return this.#readings.add(state, requests);
    } catch (error) {
      if (!(error instanceof Refused)) this.#client = null;
      throw error;
    }
  }

  /** Those that keep their state in one directory have one token: where one ended without a word another may have its port. */
  #check(configuration: string): void {
    const named = this.#named;
    if (named === undefined || pathOf(named) === pathOf(configuration)) return;
    throw new Error(
      `no lbproxy runs with ${named} any more: where its live view was is that of ${configuration} now`,
    );
  }
}

/** The inspector is off, or the filter is wrong: all else is shown. */
function withoutRequests(error: Error): string {
  if (error instanceof Refused) return error.message;
  throw error;
}

function pathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
