// The pid file of the master, as nginx keeps it (ngx_create_pidfile, ngx_delete_pidfile).
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { failedCall } from '../../shared/failed-call.ts';

/** Where it is while a new binary runs. */
export const oldPidFile = (path: string): string => `${path}.oldbin`;

export class PidFile {
  #path: string;
  /** Before it was written a file of that name is somebody else's. */
  #isOwn = false;

  constructor(path: string) {
    this.#path = path;
  }

  get path(): string {
    return this.#path;
  }

  /**
   * Throws where none can be. To be asked before anything is served: acceptors of a start that fails then would take requests of the
   * process whose sockets they share, and end with them. A new file is tried under another name: whoever waits for this one connects.
   */
  check(): void {
    const isNew = !existsSync(this.#path);
    const path = isNew ? `${this.#path}.${process.pid}` : this.#path;
    try {
      closeSync(openSync(path, 'a', 0o644));
      if (isNew) rmSync(path);
    } catch (error) {
      throw new Error(failedCall('open()', this.#path, error), { cause: error });
    }
  }

  /** Everything listens: whoever waits for the file may connect at once. */
  write(): void {
    try {
      writeFileSync(this.#path, `${process.pid}\n`, { mode: 0o644 });
      this.#isOwn = true;
    } catch (error) {
      throw new Error(failedCall('open()', this.#path, error), { cause: error });
    }
  }

  /** Why it is still there; null where it is not. */
  remove(hasNewBinary: boolean): string | null {
    if (!this.#isOwn) return null;
    const path = hasNewBinary ? oldPidFile(this.#path) : this.#path;
    try {
      rmSync(path);
      return null;
    } catch (error) {
      return failedCall('unlink()', path, error);
    }
  }

  /** From now on it is this one. */
  moveTo(path: string): void {
    this.#path = path;
    this.write();
  }
}
