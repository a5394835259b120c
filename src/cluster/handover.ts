// Listening sockets on their way from one primary to another that takes its place: an upgrade of a running program.
import type { ChildProcess, Serializable } from 'node:child_process';

/** Told to a process that is to wait for sockets. */
export const HANDOVER_VARIABLE = 'LBPROXY_TAKES_SOCKETS';

type Message = { readonly socket: string } | { readonly sockets: 'all' };

/** Sends them all; resolves when they are on their way, or cannot be. */
export async function giveSockets(child: ChildProcess, sockets: ReadonlyMap<string, unknown>): Promise<void> {
  const send = (message: Message, handle?: unknown): Promise<void> =>
    new Promise((resolve) => {
      if (!child.connected) return resolve();
      child.send?.(message as Serializable, handle as never, () => resolve());
    });
  for (const [key, handle] of sockets) await send({ socket: key }, handle);
  await send({ sockets: 'all' });
}

/** By address, once all have come; what was given by a primary that died meanwhile is not complete and holds all the same. */
export function takeSockets(): Promise<ReadonlyMap<string, unknown>> {
  const taken = new Map<string, unknown>();
  return new Promise((resolve) => {
    const done = (): void => {
      process.off('message', onMessage);
      if (process.connected) process.disconnect?.();
      resolve(taken);
    };
    const onMessage = (message: unknown, handle: unknown): void => {
      const { socket, sockets } = message as { socket?: unknown; sockets?: unknown };
      if (typeof socket === 'string' && handle !== undefined) taken.set(socket, handle);
      if (sockets === 'all') done();
    };
    process.on('message', onMessage);
    process.once('disconnect', done);
    if (!process.connected) done();
  });
}
