// What an optional feature gives to the road: made once per location when a configuration is compiled, null where its settings are off.
import type { Precompressed } from '../answer/precompressed.ts';
import type { LocationMatch, Settings } from '../config/model.ts';
import type { Content, Exchange, Filter, Handler, Step } from '../exchange/exchange.ts';
import type { Getter, VariableLookup } from '../route/template.ts';
import type { ZoneSet } from '../zones/zone.ts';

/** Levels of the error log. */
export type NoteLevel = 'debug' | 'info' | 'notice' | 'warn' | 'error' | 'crit';

/** Where a feature is compiled for. */
export interface FeaturePlace {
  readonly settings: Settings;
  /** `file:line:column` of the level. */
  readonly at: string;
  /** The server and the location under the names by which they are counted. */
  readonly server: string;
  readonly location: string;
  /** The location's own match; null outside of all locations. */
  readonly match: LocationMatch | null;
  readonly lookup: VariableLookup;
  /** Where relative paths start. Absolute. */
  readonly prefix: string;
  /** The zones of the configuration. */
  readonly zones: ZoneSet;
  /** Addresses of hosts that settings name. */
  readonly hostAddresses: ReadonlyMap<string, readonly string[]>;
  /** The MIME type of a URI; '' = none. */
  readonly typeOf: (uri: string) => string;
  /** Somewhere `set` gives $limit_rate a value. */
  readonly setsRate: boolean;
  /** A line for the error log, about this exchange. */
  readonly report: (x: Exchange, level: NoteLevel, message: string) => void;
}

export interface ContentPlace extends FeaturePlace {
  /** Looks for files of this kind beside those of the location. */
  readonly precompressed: (kind: Precompressed) => Content;
  /** The directory that the URI names, bytes as latin1 with a slash at its end; others go to `next`, or are refused. */
  readonly withDirectory: (x: Exchange, next: Handler, found: (path: string) => void) => void;
  /** A call of the file system failed: the status of that, and a line for the error log. */
  readonly fileFailed: (
    x: Exchange,
    problem: { readonly call: string; readonly path: string; readonly error: NodeJS.ErrnoException },
  ) => void;
}

/** What variables show that are a location's own (route/own-variable.ts), by name. */
export type OwnVariables = Readonly<Record<string, Getter>>;

export interface Feature {
  readonly name: string;
  /** Whether making its parts can fail (a file that it reads, say): they are made at the start then, not when a request comes. */
  readonly mayFail?: (settings: Settings) => boolean;
  /** What runs between the location's script and its content. */
  readonly step?: (place: FeaturePlace) => Step | null;
  /** What may answer before its static files. */
  readonly content?: (place: ContentPlace) => Content | null;
  /** What works on its answers. */
  readonly filter?: (place: FeaturePlace) => Filter | null;
  /** Values of its variables at this location; without them they are not set there. */
  readonly variables?: (place: FeaturePlace) => OwnVariables | null;
}
