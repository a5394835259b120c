// Who looks on while a configuration is compiled, so that what it decides of a request can be told (explain/). Without one nothing of this is
// in what is compiled.
import type { LocationModel, Model, ServerModel, Settings } from '../config/model.ts';
import type { Fail, Filter, Handler, LocationRuntime, ServerRuntime, Step } from '../exchange/exchange.ts';
import type { MakeForward } from '../forward/forward-tools.ts';
import type { ProxyPass } from '../forward/rows.ts';
import type { DispatchWatch } from '../route/dispatch.ts';
import type { ScriptWatch } from '../route/script.ts';
import type { Discovery } from '../upstream/discovery.ts';
import type { UpstreamSet } from '../upstream/upstream-set.ts';

/** A level that was compiled: a server outside of its locations, a location, an `if`. */
export interface WatchedLevel {
  readonly at: string;
  readonly settings: Settings;
}

/** Each gives what stands in the place of what it is given. */
export interface Watch {
  readonly script: ScriptWatch;
  readonly dispatch: DispatchWatch;
  server(model: ServerModel, runtime: ServerRuntime): ServerRuntime;
  /** `value` is what the search for a location gives for the model. */
  location(model: LocationModel, value: object): void;
  level(level: WatchedLevel, runtime: LocationRuntime): LocationRuntime;
  fail(fail: Fail): Fail;
  step(level: WatchedLevel, step: Step): Step;
  filter(level: WatchedLevel, filter: Filter): Filter;
  /** `name`: of the feature, `index` or `files`. */
  content(level: WatchedLevel, name: string, handler: Handler): Handler;
  forward(level: WatchedLevel, pass: ProxyPass): MakeForward;
  upstreams(model: Model, found: Discovery): UpstreamSet;
}
