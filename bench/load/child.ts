// Runs a load generator as a process of its own on the load's core, so that the harness's own work disturbs nobody.
import { spawn } from 'node:child_process';
import { type Running, stopAtExit } from '../contenders/contender.ts';
import { pinned } from '../pin.ts';

/** Standard output of the command; rejects with what it printed on standard error when its status is not 0. */
export function runChild(running: Running, command: readonly string[]): Promise<string> {
  const [program, ...args] = pinned(running.pinned ? 'load' : undefined, command);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    stopAtExit(child);
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString());
      const last = Buffer.concat([...errors, ...out])
        .toString()
        .slice(-1000);
      reject(new Error(`${program} ended with ${signal ?? code}: ${last}`));
    });
  });
}
