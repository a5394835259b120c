// Messages between the primary and an acceptor, either way: whatever comes, the next honest one is understood, and nobody ends.

import { processPort } from '../support/process-port.ts';
import { AcceptorSide } from './ipc-acceptor.ts';
import { GENERATION, type IpcCase } from './ipc-case.ts';
import { ipcModel } from './ipc-model.ts';
import { PrimarySide } from './ipc-primary.ts';
import type { Random } from './random.ts';
import { spoil } from './spoil.ts';
import type { Target } from './target.ts';

const WAITS = { exchanges: 1, tunnels: 2 };
const PROBLEM = { at: 'nginx.conf:1:2', message: 'words' };

const FROM_ACCEPTOR: readonly unknown[] = [
  { type: 'ready' },
  { type: 'alive' },
  { type: 'more', generation: GENERATION },
  { type: 'prepared', generation: GENERATION, problem: null },
  { type: 'prepared', generation: GENERATION, problem: PROBLEM },
  { type: 'committed', generation: GENERATION, problem: null },
  { type: 'committed', generation: GENERATION, problem: 'words' },
  { type: 'reopened', generation: GENERATION, problems: ['a', 'b'] },
  { type: 'log-full', segment: 0 },
  { type: 'log-switched', segment: 1 },
  { type: 'draining', waits: WAITS },
];

export async function openIpc(): Promise<Target<IpcCase>> {
  const { model, state, piece, prepare } = ipcModel();
  const primary = new PrimarySide(model);
  const acceptor = await AcceptorSide.start([piece, prepare], state);
  const toAcceptor = [
    { type: 'socket', identity: '*:80' },
    piece,
    prepare,
    { type: 'discard', generation: GENERATION },
    { type: 'commit', generation: GENERATION, state },
    { type: 'commit', generation: GENERATION, state },
    {
      type: 'discovery',
      discovery: { hosts: { a: ['127.0.0.1'] }, programs: { p: [processPort(1, {})] } },
    },
    { type: 'log-sealed' },
    { type: 'reopen', generation: 1 },
  ];
  return {
    lanes: 1,
    make: (random) => make(random, toAcceptor),
    run: (input) => (input.to === 'primary' ? primary.run(input) : acceptor.run(input)),
    processes: () => ({ primary: process.pid, acceptor: acceptor.pid }),
    async close() {
      acceptor.close();
    },
  };
}

function make(random: Random, toAcceptor: readonly unknown[]): IpcCase {
  // A message to an acceptor is a round trip, of one process to another.
  const to = random.chance(85) ? 'primary' : 'acceptor';
  const known = to === 'primary' ? FROM_ACCEPTOR : toAcceptor;
  const messages = Array.from({ length: random.length(4) }, () => spoil(random.pick(known), random));
  // These end an acceptor because they are there for that.
  const ends = (message: unknown): boolean => {
    const type = (message as { readonly type?: unknown } | null)?.type;
    return type === 'stop' || type === 'drain';
  };
  return {
    to,
    during: random.pick(['prepare', 'commit', 'reopen'] as const),
    messages: messages.filter((message) => !ends(message)),
  };
}
