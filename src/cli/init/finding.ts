// What a look at a project finds: something that serves, and why it is thought to.

export interface AppFinding {
  readonly kind: 'app';
  /** Of the program and the upstream. */
  readonly name: string;
  /** What was found, for people: `Django (manage.py)`. */
  readonly what: string;
  /** In shell words, as `command` has it; {port} where the app is told its port so. */
  readonly command: string;
  /** The port that its code has; null where it takes what it is told. */
  readonly fixedPort: number | null;
  /** Why the command is this one. */
  readonly why: string;
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** It serves the pages of a site whose data another app has. */
  readonly isFrontEnd: boolean;
  /** What the app itself has to be told, one sentence each. */
  readonly advice: readonly string[];
  /** Longest silence of the app that is meant, such as that of a WebSocket; null for the usual one. */
  readonly readTimeout: string | null;
}

export interface FilesFinding {
  readonly kind: 'files';
  readonly what: string;
  readonly root: string;
  readonly spa: boolean;
  readonly why: string;
}

/** A configuration of nginx or Supervisor. */
export interface ConfigFinding {
  readonly kind: 'nginx' | 'supervisord';
  readonly what: string;
  readonly file: string;
}

export type Finding = AppFinding | FilesFinding | ConfigFinding;

/** What most apps have in common. */
export const USUAL_APP = {
  kind: 'app',
  name: 'app',
  fixedPort: null,
  environment: [],
  isFrontEnd: false,
  advice: [],
  readTimeout: null,
} as const;
