// What happened to a request, in its order: data, as --json prints it. Texts are as a person reads them.
import type { FilterSlot } from '../exchange/slots.ts';

/** A location as it is written. */
export interface LocationName {
  readonly location: string;
  readonly at: string;
}

export interface LostLocation extends LocationName {
  readonly why: string;
}

/** A file or directory that was looked for. */
export interface SeenPath {
  readonly path: string;
  readonly found: 'file' | 'directory' | 'nothing' | 'other';
}

export type Captures = readonly (string | null)[];

interface Placed {
  /** `file:line:column`; '' where nothing of the configuration says it. */
  readonly at: string;
}

export interface RewriteEvent extends Placed {
  readonly kind: 'rewrite';
  readonly pattern: string;
  readonly subject: string;
  readonly matched: boolean;
  readonly captures: Captures;
  readonly flag: string;
  /** URI and arguments afterwards; '' where it did not match, or answered. */
  readonly uri: string;
}

export interface IfEvent extends Placed {
  readonly kind: 'if';
  readonly test: string;
  /** What was looked at. */
  readonly value: string;
  readonly holds: boolean;
  readonly captures: Captures;
}

export interface SetEvent extends Placed {
  readonly kind: 'set';
  readonly variable: string;
  readonly value: string;
}

export interface ReturnEvent extends Placed {
  readonly kind: 'return';
  readonly status: number;
  readonly text: string;
}

export interface BreakEvent extends Placed {
  readonly kind: 'break';
}

export interface LocationEvent extends Placed {
  readonly kind: 'location';
  readonly uri: string;
  /** '' = none: the server's own level. */
  readonly location: string;
  readonly why: string;
  readonly captures: Captures;
  readonly lost: readonly LostLocation[];
  /** Regular expressions that were tried in vain. */
  readonly unmatched: number;
}

export interface StepEvent extends Placed {
  readonly kind: 'step';
  readonly step: string;
  readonly outcome: string;
  readonly details: readonly string[];
  readonly paths: readonly SeenPath[];
}

/** A status instead of an answer: error_page, or a page of ours. */
export interface StatusEvent extends Placed {
  readonly kind: 'status';
  readonly status: number;
  readonly why: string;
}

/** To another URI or a named location, within lbproxy. */
export interface TurnEvent extends Placed {
  readonly kind: 'turn';
  readonly to: string;
  /** What made it. */
  readonly by: string;
}

export interface ContentEvent extends Placed {
  readonly kind: 'content';
  readonly content: string;
  /** The file that the URI leads to; null where there is no root. */
  readonly file: SeenPath | null;
}

export interface FilterEvent extends Placed {
  readonly kind: 'filter';
  readonly filter: FilterSlot;
  /** What it does with this answer; '' = nothing. */
  readonly does: string;
}

/** What the error log would be told. */
export interface NoteEvent extends Placed {
  readonly kind: 'note';
  readonly level: string;
  readonly text: string;
}

export interface ForwardEvent extends Placed {
  readonly kind: 'forward';
  readonly to: string;
}

export type Happening =
  | RewriteEvent
  | IfEvent
  | SetEvent
  | ReturnEvent
  | BreakEvent
  | LocationEvent
  | StepEvent
  | StatusEvent
  | TurnEvent
  | ContentEvent
  | FilterEvent
  | NoteEvent
  | ForwardEvent;

export type TrailEvent = Happening & {
  /** 0 = the request itself; more: a subrequest of it. */
  readonly depth: number;
};

export type Open<T> = { -readonly [K in keyof T]: T[K] };

/** Events in the order in which they began. What one comes to may be known later than that. */
export class Trail {
  readonly events: TrailEvent[] = [];
  /** The answer is known: what comes now belongs to its end. */
  closed = false;

  /** Gives the event to whoever completes it. */
  add<T extends Happening>(depth: number, happening: T): Open<T> {
    const event = { ...happening, depth };
    if (!this.closed) this.events.push(event);
    return event;
  }
}

/** Bytes of the road (latin1) as a person reads them. */
export function shown(bytes: string): string {
  return /^[\x00-\x7f]*$/.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

export function shownAll(captures: readonly (string | undefined)[] | null): Captures {
  return captures === null ? [] : captures.slice(1).map((one) => (one === undefined ? null : shown(one)));
}
