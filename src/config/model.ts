// The Model: what a configuration means, as readonly JSON-safe data. It crosses to the acceptors unchanged.
// Rooms add their settings to `Settings` by declaration merging, next to the rows that set them.

/**
 * Every setting of every feature, flat, by key. A room owns its keys:
 * `declare module '../config/model.ts' { interface Settings { readonly proxyReadTimeoutMs: number } }`.
 * In a Model all keys are present: what a level does not set comes from the level above, then from the row's default.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the rooms
export interface Settings {}

export interface Model {
  readonly syntax: 'nginx' | 'json';
  /** Directory that relative paths (logs, roots, certificates) start from. Absolute. */
  readonly prefix: string;
  /** Settings of the main and http level. */
  readonly settings: Settings;
  readonly upstreams: readonly UpstreamModel[];
  readonly programs: readonly ProgramModel[];
  readonly servers: readonly ServerModel[];
  /** Variables that the configuration defines, one of a name. */
  readonly variables: readonly VariableModel[];
}

/** What defines variables, by kind. A room adds its own beside its rows, as it does with `Settings`. */
export interface VariableDefinitions {
  /** `set` alone: empty until one runs. */
  readonly set: null;
}

type VariableKind = keyof VariableDefinitions;

export interface VariableOf<K extends VariableKind> {
  readonly kind: K;
  /** Lower case, as variables have no case. */
  readonly name: string;
  readonly at: string;
  /** Asked anew each time, where others keep their first value for the rest of the request. */
  readonly volatile: boolean;
  readonly definition: VariableDefinitions[K];
}

export type VariableModel = { [K in VariableKind]: VariableOf<K> }[VariableKind];

export interface UpstreamModel {
  readonly name: string;
  /** `file:line:column` of the block. */
  readonly at: string;
  readonly settings: Settings;
}

export interface ProgramModel {
  readonly name: string;
  readonly at: string;
  readonly settings: Settings;
}

export interface ServerModel {
  readonly at: string;
  readonly settings: Settings;
  readonly script: readonly ScriptOp[];
  readonly locations: readonly LocationModel[];
}

export type LocationMatch =
  | { readonly kind: 'prefix' | 'exact' | 'prefix-final'; readonly text: string }
  /** The inside of a `limit_except`, for all methods but these: found by no path. */
  | { readonly kind: 'limit_except'; readonly text: ''; readonly methods: readonly string[] }
  /** `@name`: for jumps, found by no path. */
  | { readonly kind: 'named'; readonly text: string }
  | { readonly kind: 'regex'; readonly text: string; readonly caseless: boolean };

export interface LocationModel {
  readonly at: string;
  readonly match: LocationMatch;
  readonly settings: Settings;
  /** rewrite, return, if, set, break: run in the order in which they stand. */
  readonly script: readonly ScriptOp[];
  readonly locations: readonly LocationModel[];
}

/** One step of ngx_http_rewrite_module's little language. Strings marked template may hold $variables. */
export type ScriptOp =
  | {
      readonly op: 'rewrite';
      readonly pattern: string;
      /** Template; captures $1…$9 are the pattern's. */
      readonly replacement: string;
      readonly flag: 'none' | 'last' | 'break' | 'redirect' | 'permanent';
      readonly at: string;
    }
  | {
      readonly op: 'return';
      readonly status: number /** template */;
      readonly text: string | null;
      readonly at: string;
    }
  | {
      readonly op: 'set';
      readonly variable: string /** template */;
      readonly value: string;
      readonly at: string;
    }
  | { readonly op: 'break'; readonly at: string }
  | {
      readonly op: 'if';
      readonly test: Test;
      readonly script: readonly ScriptOp[];
      /** In a location: the settings of the implicit location that a true test switches to. */
      readonly settings: Settings | null;
      readonly at: string;
    };

export type Test =
  | { readonly test: 'set' /** template */; readonly value: string }
  | {
      readonly test: 'equal';
      readonly value: string /** template */;
      readonly other: string;
      readonly negate: boolean;
    }
  | {
      readonly test: 'match';
      readonly value: string;
      readonly pattern: string;
      readonly caseless: boolean;
      readonly negate: boolean;
    }
  | {
      readonly test: 'file' | 'directory' | 'exists' | 'executable';
      /** template: a path */
      readonly value: string;
      readonly negate: boolean;
    };
