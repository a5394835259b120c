// Name of a target → the target, loaded only where it is used.
import { TARGET_NAMES, type Target, type TargetName } from './target.ts';

type Open = () => Promise<Target<unknown>>;

const OPEN: Readonly<Record<TargetName, Open>> = {
  config: async () => (await import('./config.ts')).openConfig() as Target<unknown>,
  client: async () => (await (await import('./client.ts')).openClient()) as Target<unknown>,
  peer: async () => (await (await import('./peer.ts')).openPeer()) as Target<unknown>,
  embed: async () => (await (await import('./embed.ts')).openEmbed()) as Target<unknown>,
  ipc: async () => (await (await import('./ipc.ts')).openIpc()) as Target<unknown>,
};

/** `name` may be the address of a module whose default export opens one. */
export async function openTarget(name: string): Promise<Target<unknown>> {
  const known = TARGET_NAMES.find((each) => each === name);
  if (known !== undefined) return OPEN[known]();
  const { default: open } = (await import(name)) as { default: Open };
  return open();
}
