// `lbproxy ctl` run within the test, with streams that are kept.
import { PassThrough } from 'node:stream';
import type { Surroundings } from '../../../src/cli/ctl/find-server.ts';
import { runCtl } from '../../../src/cli/ctl/main.ts';
import type { Run } from './supervisord.ts';

const NOTHING: Surroundings = { ownConfig: () => undefined, controlSocketOf: () => Promise.resolve(null) };

export async function ctl(args: readonly string[], input = '', around = NOTHING): Promise<Run> {
  const stdin = new PassThrough();
  const [stdout, stderr] = [collector(), collector()];
  stdin.end(input);
  const status = await runCtl(args, { stdin, stdout: stdout.stream, stderr: stderr.stream }, around);
  return { stdout: stdout.text(), stderr: stderr.text(), status };
}

function collector() {
  const stream = new PassThrough();
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  return { stream, text: () => Buffer.concat(pieces).toString('utf8') };
}
