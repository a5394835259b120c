// A place where a system, a browser or a runtime keeps whom it trusts, and what has to be run for one more or less. Stores only say so;
// who runs the commands, or prints them, is apply.ts.

export interface Command {
  readonly argv: readonly string[];
  /** Only root may. */
  readonly asRoot: boolean;
}

export interface Store {
  /** For people. */
  readonly name: string;
  /** Why nothing can be done here, with the next step; null where it can. */
  readonly problem: string | null;
  /** Null where nobody can tell. Asked before and after. */
  isTrusted(): boolean | null;
  readonly trust: readonly Command[];
  readonly untrust: readonly Command[];
}

/** The authority as stores know it. */
export interface TrustedOne {
  /** Its certificate, PEM. */
  readonly path: string;
  readonly certificate: string;
  /** The same for the same certificate, another one for any other. */
  readonly name: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** SHA-256, `AA:BB:…`. */
  readonly fingerprint: string;
}

export interface Ran {
  /** Null where it could not be started, or did not end in time. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What stores are looked for in, and with. */
export interface TrustPlaces {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** In front of the paths of the system: '' but in tests. */
  readonly root: string;
  readonly isRoot: boolean;
  /** Somebody is there to type a password. */
  readonly isTerminal: boolean;
  run(argv: readonly string[]): Ran;
}

/** The base64 of a certificate, without what line lengths make of it. */
export function bodyOf(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----/g, '').replace(/\s+/g, '');
}
