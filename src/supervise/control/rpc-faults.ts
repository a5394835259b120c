// The faults of Supervisor's XML-RPC interface, and the errors of Python that its callers meet where it expects other arguments.
export const FAULTS = {
  UNKNOWN_METHOD: 1,
  INCORRECT_PARAMETERS: 2,
  BAD_ARGUMENTS: 3,
  SIGNATURE_UNSUPPORTED: 4,
  SHUTDOWN_STATE: 6,
  BAD_NAME: 10,
  BAD_SIGNAL: 11,
  NO_FILE: 20,
  NOT_EXECUTABLE: 21,
  FAILED: 30,
  ABNORMAL_TERMINATION: 40,
  SPAWN_ERROR: 50,
  ALREADY_STARTED: 60,
  NOT_RUNNING: 70,
  SUCCESS: 80,
  ALREADY_ADDED: 90,
  STILL_RUNNING: 91,
  CANT_REREAD: 92,
} as const;

const NAMES = new Map<number, string>(Object.entries(FAULTS).map(([name, code]) => [code, name]));

/** Answered as a fault: `BAD_NAME: web`. */
export class RpcFault extends Error {
  readonly code: number;
  constructor(code: number, extra?: string) {
    super((NAMES.get(code) ?? 'UNKNOWN') + (extra === undefined ? '' : `: ${extra}`));
    this.code = code;
  }
}

/** What makes Supervisor answer with status 500; within system.multicall it becomes a fault with this text. */
export class PythonError extends Error {
  readonly kind: string;
  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}
