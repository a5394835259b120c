// An error of our own, met in the middle of a state machine: it goes to the process, which logs it, but only after the caller has put
// its state in order, so that a bug costs one exchange and not a connection that hangs.

/** Throws `error` from the event loop: 'uncaughtException' follows. */
export function rethrowLater(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
