// A setting that turned out unusable when it was put to use.

/** A certificate that is none, a log that cannot be opened. */
export class CompileError extends Error {
  /** `file:line:column`. */
  readonly at: string;
  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

/** What `make` throws is the fault of this place. */
export function at<T>(place: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    return fail(place, error);
  }
}

export function fail(place: string, error: unknown): never {
  throw new CompileError(place, error instanceof Error ? error.message : String(error));
}
