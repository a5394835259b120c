// What of a configuration is counted, and under which names. Acceptors and the primary come to the same, each from the Model alone.
import { listenKey } from '../config/addresses.ts';
import { levelsOf } from '../config/levels.ts';
import type { LocationMatch, LocationModel, Model, ServerModel, Settings } from '../config/model.ts';
import { setsItself } from '../config/settings.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { TrafficBook } from '../observe/traffic/book.ts';
import { MAX_SERIES, NAME_CHARS, NONE, OTHER, seriesKey } from '../observe/traffic/series.ts';

/** Somebody asks for numbers. */
export function countsTraffic(model: Model): boolean {
  const asks = (settings: Settings): boolean =>
    (setsItself(settings, 'metrics') && settings.metrics) ||
    (setsItself(settings, 'countTraffic') && settings.countTraffic === 'on');
  return (
    asks(model.settings) ||
    model.servers.some((server) => levelsOf(server, true).some(({ settings }) => asks(settings)))
  );
}

/** Keys of the locations that have a place of their own: the first ones of the file. All others share one. */
export function trafficKeys(model: Model): ReadonlySet<string> {
  const keys = new Set<string>();
  const enter = (server: string, locations: readonly LocationModel[]): void => {
    for (const { match, locations: inner } of locations) {
      if (keys.size >= MAX_SERIES) return;
      keys.add(keyOf(server, locationLabel(match)));
      enter(server, inner);
    }
  };
  for (const server of model.servers) {
    if (keys.size >= MAX_SERIES) break;
    const name = serverLabel(server);
    keys.add(keyOf(name, NONE));
    enter(name, server.locations);
  }
  return keys;
}

/** First server_name, else where it listens. */
export function serverLabel({ settings }: ServerModel): string {
  const name = settings.serverNames.flat().find((each) => each !== '');
  if (name !== undefined) return name;
  const [listen] = settings.listens;
  return listen === undefined ? NONE : listenKey(listen);
}

const SIGNS = { prefix: '', exact: '= ', 'prefix-final': '^~ ', named: '', limit_except: '' } as const;

/** As it stands in the file. */
export function locationLabel(match: LocationMatch | null): string {
  if (match === null || match.text === '') return NONE;
  if (match.kind === 'regex') return `${match.caseless ? '~*' : '~'} ${match.text}`;
  return SIGNS[match.kind] + match.text;
}

function keyOf(server: string, location: string): string {
  return seriesKey(server.slice(0, NAME_CHARS), location.slice(0, NAME_CHARS));
}

/** A level, and the server that it stands in. */
export interface CountedPlace {
  readonly server: string;
  readonly match: LocationMatch | null;
  readonly settings: Settings;
}

/** What is called when an exchange of a level is over. */
export type AtEnd = (x: Exchange) => void;

/** Counts the locations of one configuration in the book of the process. */
export class TrafficSeries {
  readonly #book: TrafficBook;
  readonly #keys: ReadonlySet<string>;

  constructor(book: TrafficBook, model: Model) {
    this.#book = book;
    this.#keys = trafficKeys(model);
    // Those that run have theirs, whatever becomes of this configuration.
    book.keepLocations(this.#keys);
  }

  /** Null for a level whose exchanges are not counted. */
  of({ server, match, settings }: CountedPlace): AtEnd | null {
    if (settings.countTraffic === 'off') return null;
    const name = locationLabel(match);
    const isKnown = this.#keys.has(keyOf(server, name));
    const counts = isKnown ? this.#book.location(server, name) : this.#book.location(OTHER, OTHER);
    return (x) => counts.count(x);
  }
}
