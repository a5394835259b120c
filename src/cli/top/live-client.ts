// Asks the live view (cockpit/calls.ts): JSON in, JSON out, in bounded time and size.
import type { PeerView } from '../../cockpit/face.ts';
import type { KeptPlace } from '../../cockpit/kept-place.ts';
import type { ProgramView } from '../../cockpit/program-calls.ts';
import type { Summary } from '../../inspect/view.ts';
import type { TrafficSnapshot } from '../../observe/traffic/snapshot.ts';
import { nodeHttp } from '../../shared/node-parts.ts';

export interface LiveState {
  readonly version: string;
  readonly configuration: string;
  readonly traffic: TrafficSnapshot;
  readonly peers: readonly PeerView[];
  readonly programs: readonly ProgramView[];
}

export type Listed = Omit<Summary, 'id'> & { readonly id: string };

export interface Outcome {
  readonly ok: boolean;
  readonly text: string;
}

/** The live view answered, and said no. */
export class Refused extends Error {}

const READ_LIMIT_MS = 10_000;
/** A rolling restart waits for requests under way. */
const CHANGE_LIMIT_MS = 600_000;
const MOST_BYTES = 64 * 1024 * 1024;

export class LiveClient {
  readonly #place: KeptPlace;
  readonly #closing: AbortSignal;

  constructor(place: KeptPlace, closing: AbortSignal) {
    this.#place = place;
    this.#closing = closing;
  }

  state(): Promise<LiveState> {
    return this.#ask('/api/state') as Promise<LiveState>;
  }

  async requests(filter: string, limit: number): Promise<readonly Listed[]> {
    const path = `/api/requests?limit=${limit}&filter=${encodeURIComponent(filter)}`;
    return ((await this.#ask(path)) as { readonly requests: readonly Listed[] }).requests;
  }

  change(what: 'peers' | 'programs', body: Readonly<Record<string, unknown>>): Promise<Outcome> {
    return this.#ask(`/api/${what}`, JSON.stringify(body)) as Promise<Outcome>;
  }

  #ask(path: string, body?: string): Promise<unknown> {
    const { host, port, token } = this.#place;
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const method = body === undefined ? 'GET' : 'POST';
    const limit = AbortSignal.timeout(body === undefined ? READ_LIMIT_MS : CHANGE_LIMIT_MS);
    const signal = AbortSignal.any([limit, this.#closing]);
    return new Promise((resolve, reject) => {
      const call = nodeHttp().request({ host, port, path, method, headers, signal, agent: false });
      call.on('error', reject);
      call.on('response', (answer) => {
        const pieces: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (piece: Buffer) => {
          bytes += piece.length;
          if (bytes > MOST_BYTES) call.destroy(new Error('the live view sent more than 64 MB'));
          else pieces.push(piece);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          try {
            resolve(contentOf(answer.statusCode ?? 0, Buffer.concat(pieces).toString('utf8')));
          } catch (error) {
            reject(error);
          }
        });
      });
      call.end(body);
    });
  }
}

const OTHER =
  'another lbproxy has the port of the one that is meant, which does not run any more, or has another state directory (XDG_STATE_HOME, state_path): ' +
  'start it, or name the configuration of the other one with -c FILE';

function contentOf(status: number, text: string): unknown {
  if (status === 401) throw new Refused(OTHER);
  if (status === 403) throw new Refused(text.trim());
  const value = JSON.parse(text) as { readonly problem?: string };
  if (status !== 200) throw new Refused(value.problem ?? `the live view answered ${status}`);
  return value;
}
