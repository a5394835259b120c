// Peers as processes of their own, so that they can be killed in the middle of their work; gone after the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { freePorts } from './free-ports.ts';
import { get, until } from './http-client.ts';

export const PEER_PROGRAM = fileURLToPath(new URL('./peer-program.ts', import.meta.url));

const running = new Set<ChildProcess>();

afterEach(async () => {
  await Promise.all([...running].map(killChild));
});
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface PeerProcess {
  readonly port: number;
  readonly address: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on its port. */
  restart(): Promise<void>;
  /** Until so many requests have come to it and are not answered yet. */
  holds(requests: number): Promise<void>;
}

export async function startPeers(n: number): Promise<PeerProcess[]> {
  const ports = await freePorts(n);
  return Promise.all(ports.map(startPeer));
}

/** How many requests PEER_PROGRAM on this port has got and not answered. */
export const waitingAt = async (port: number): Promise<number> => Number((await get(port, '/waiting')).body);

async function startPeer(port: number): Promise<PeerProcess> {
  let child = await launch(port);
  return {
    port,
    address: `127.0.0.1:${port}`,
    kill: () => killChild(child),
    restart: async () => {
      child = await launch(port);
    },
    holds: (requests) =>
      until(async () => (await waitingAt(port)) === requests, 15_000, `${requests} requests at the peer`),
  };
}

async function launch(port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PEER_PROGRAM, `--port=${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => null)]);
  if (first === null) throw new Error(`the peer on port ${port} did not start`);
  return child;
}

async function killChild(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
