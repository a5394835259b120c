// The kit's second TLS client: openssl's, which does what Node's does not: resume a session under another name, renegotiate.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface OpensslRun {
  /** All that it printed, and the answers. */
  readonly text: string;
  readonly resumed: boolean;
}

/** `openssl s_client`; what is in `input` is written one after the other, `pauseMs` apart, until the server closes or 10 s pass. */
export async function opensslClient(
  port: number,
  args: readonly string[],
  input: readonly string[],
  pauseMs = 0,
): Promise<OpensslRun> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args]);
  child.stdin.on('error', () => {});
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
  }
  const limit = setTimeout(() => child.kill('SIGKILL'), 10_000);
  const ended = once(child, 'close');
  for (const part of input) {
    if (child.exitCode !== null) break;
    child.stdin.write(part);
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await ended;
  clearTimeout(limit);
  return { text, resumed: /^Reused, /m.test(text) };
}
