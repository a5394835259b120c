// Sessions of peers by who they are and how they are reached. Bounded: names may come from clients.
const MAX_SESSIONS = 256;

export class SessionCache {
  readonly #sessions = new Map<string, Buffer>();

  find(key: string): Buffer | undefined {
    return this.#sessions.get(key);
  }

  /** The oldest gives way. */
  keep(key: string, session: Buffer): void {
    this.#sessions.delete(key);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    this.#sessions.set(key, session);
  }

  drop(key: string): void {
    this.#sessions.delete(key);
  }

  get size(): number {
    return this.#sessions.size;
  }
}
