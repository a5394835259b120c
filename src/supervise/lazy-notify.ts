// The notify sockets of a pool: nothing of them is there before the first process that wants one.
import { NotifySocket } from './notify-socket.ts';

export class LazyNotify implements Pick<NotifySocket, 'pathFor' | 'open' | 'onReady' | 'close'> {
  readonly #warn: (message: string) => void;
  #socket: NotifySocket | null = null;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  #made(): NotifySocket {
    this.#socket ??= new NotifySocket(this.#warn);
    return this.#socket;
  }

  pathFor(key: string): string {
    return this.#made().pathFor(key);
  }

  open(key: string, user: { readonly uid: number; readonly gid: number } | null): Promise<void> {
    return this.#made().open(key, user);
  }

  onReady(key: string, onReady: () => void): () => void {
    return this.#made().onReady(key, onReady);
  }

  async close(): Promise<void> {
    await this.#socket?.close();
    this.#socket = null;
  }
}
