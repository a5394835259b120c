// Real event listeners, made with Supervisor's library, under Debian's supervisord and under the hub: the same events in the same order.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { supervisorVersion } from '../../support/supervisor.ts';
import { eventually } from '../programs.ts';
import { type ListenerGroup, type ListenerHost, notes, startOurs, startTheirs } from './listener-hosts.ts';

const GROUPS: readonly ListenerGroup[] = [
  {
    name: 'states',
    events: 'PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,REMOTE_COMMUNICATION',
    bufferSize: 100,
    processes: ['states'],
  },
  { name: 'solo', events: 'REMOTE_COMMUNICATION', bufferSize: 3, processes: ['solo'] },
  { name: 'pair', events: 'REMOTE_COMMUNICATION', bufferSize: 10, processes: ['pair_0', 'pair_1'] },
];
const PROCESSES = GROUPS.flatMap(({ processes }) => processes);

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-listeners-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const eventsOf = (dir: string, name: string): number =>
  notes(dir, name).filter(({ headers }) => headers !== undefined).length;
const isReady = (dir: string, name: string): boolean => notes(dir, name).at(-1)?.ready === true;

/** Until each process has had so many events (a sum where two share them), and all but the busy ones said READY, which was heard. */
async function settledAt(
  host: ListenerHost,
  dir: string,
  counts: Readonly<Record<string, number>>,
  busy: readonly string[] = [],
): Promise<void> {
  await eventually(() => {
    const had = Object.entries(counts).every(([group, count]) => {
      const names = PROCESSES.filter((name) => name === group || name.startsWith(`${group}_`));
      return names.reduce((sum, name) => sum + eventsOf(dir, name), 0) === count;
    });
    return had && PROCESSES.every((name) => busy.includes(name) || isReady(dir, name));
  }, 15_000).catch((error: unknown) => {
    const now = PROCESSES.map((name) => `${name} ${eventsOf(dir, name)} ${isReady(dir, name)}`);
    throw new Error(`${error}: ${JSON.stringify(counts)}, is ${now}`);
  });
  // A READY that is still in the pipe would let another process have the next event.
  await host.heard();
}

/** The steps and what each listener is to have had after each of them. Gives what each got. */
async function play(host: ListenerHost, dir: string): Promise<Record<string, string[]>> {
  const release = (name: string): void => writeFileSync(join(dir, `release-${name}`), '');
  const settled = (...wanted: [Readonly<Record<string, number>>, (readonly string[])?]): Promise<void> =>
    settledAt(host, dir, ...wanted);
  // 3 groups, RUNNING, and 4 processes that went to STARTING and RUNNING.
  let [states, solo, pair] = [12, 0, 0];
  const counts = (): Record<string, number> => ({ states, solo, pair });
  await settled(counts());

  await host.remote('plain', 'one');
  await settled({ states: ++states, solo: ++solo, pair: ++pair });
  await host.remote('text', 'grüße 😀\nsecond line ');
  await settled({ states: ++states, solo: ++solo, pair: ++pair });

  // It comes again.
  for (const command of ['fail-solo', 'odd-solo']) {
    await host.remote(command, 'x');
    solo += 2;
    await settled({ states: ++states, solo, pair: ++pair });
  }
  // Its process ends in the middle: EXITED, STARTING, RUNNING.
  for (const command of ['crash-solo', 'half-solo']) {
    await host.remote(command, 'x');
    solo += 2;
    states += 4;
    await settled({ states, solo, pair: ++pair });
  }
  // The other process of the pool has it.
  await host.remote('crash-pair', 'x');
  pair += 2;
  states += 4;
  await settled({ states, solo: ++solo, pair });

  // No process has it before the one that broke the rules has ended.
  await host.remote('violate-solo', 'v');
  await settled({ states: ++states, solo: ++solo, pair: ++pair }, ['solo']);
  await host.remote('plain', 'after the violation');
  await settled({ states: ++states, solo, pair: ++pair }, ['solo']);
  release('v');
  states += 3;
  solo += 2;
  await settled({ states, solo, pair });

  // solo is held and has room for three; of the pair one goes on.
  await host.remote('hold', 'h');
  await settled({ states: ++states, solo: ++solo, pair: ++pair }, ['solo', 'pair_0', 'states']);
  for (let i = 0; i < 6; i++) await host.remote('plain', `while held ${i}`);
  pair += 6;
  await settled({ pair }, ['solo', 'pair_0', 'states']);
  release('h');
  states += 6;
  solo += 3;
  await settled({ states, solo, pair });

  // What it rejects goes before what waits, and the oldest of that has no room any more.
  await host.remote('hold-fail-solo', 'f');
  await settled({ states: ++states, solo: ++solo, pair: ++pair }, ['solo']);
  for (let i = 0; i < 3; i++) {
    await host.remote('plain', `while rejected ${i}`);
    await settled({ states: ++states, solo, pair: ++pair }, ['solo']);
  }
  release('f');
  solo += 3;
  await settled({ states, solo, pair });

  await host.stopProcess('pair', 'pair_1');
  states += 2;
  await settled({ states, solo, pair });
  await host.remote('end', '');
  await settled({ states: ++states, solo: ++solo, pair: ++pair });
  return Object.fromEntries(PROCESSES.map((name) => [name, recorded(dir, name)]));
}

/** A pid is a pid, of however many digits. */
function recorded(dir: string, name: string): string[] {
  return notes(dir, name).map(({ headers, payload = '' }) => {
    if (headers === undefined) return 'READY';
    const pid = / pid:([1-9]\d*)/.exec(payload)?.[1] ?? '';
    const len = String(Number(headers.len) - pid.length);
    const head = Object.entries({ ...headers, len }).map(([key, value]) => `${key}:${value}`);
    return `${head.join(' ')}\n${payload.replace(/ pid:[1-9]\d*/, ' pid:P')}`;
  });
}

describe.skipIf(supervisorVersion === '')('event listeners', () => {
  it('get what Supervisor sends them: rejected, lost, overflowed and shared events', async () => {
    const [theirDir, ourDir] = [directory(), directory()];
    const theirs = await startTheirs(GROUPS, theirDir);
    closers.push(theirs.close);
    const ours = startOurs(GROUPS, ourDir);
    closers.push(ours.close);
    const [expected, got] = await Promise.all([play(theirs, theirDir), play(ours, ourDir)]);
    expect(got).toEqual(expected);

    // What was discarded is told in the same words.
    const discarded = /pool \S+ event buffer overflowed, discarding event \d+/g;
    expect(ours.log().match(discarded)).toEqual(theirs.log().match(discarded));
    expect(ours.log().match(discarded)).toHaveLength(4);
    const violated = /solo: has entered the UNKNOWN state and will no longer receive events/g;
    expect(ours.log().match(violated)).toEqual(theirs.log().match(violated));
    expect(ours.log().match(/bad result line "hello world"/g)).toHaveLength(1);
  }, 60_000);
});
