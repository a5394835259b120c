// What a listening address knows of the configuration: its virtual servers and the limits that hold before one is chosen.
import type { ServerRuntime } from '../exchange.ts';
import type { HeadLimits } from '../http/request-head.ts';

export interface Front {
  readonly defaultServer: ServerRuntime;
  /** The virtual server for a Host (name, optional port); the default one where none matches. */
  serverFor(host: string): ServerRuntime;
  readonly headLimits: HeadLimits;
  readonly headTimeoutMs: number;
}
