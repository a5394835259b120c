// How acceptors share a listening socket: throughput, CPU, shares of connections, and what becomes of those that wait when an acceptor
// stops, dies, is replaced, or the listener goes. The figures of docs/decisions/009-accepting-from-one-shared-socket.md.
//   node bench/micro/accept.ts [--only load,work,share,life] [--modes shared,…] [--acceptors 2] [--seconds N] [--json]
// Connections that migrate to another socket (net.ipv4.tcp_migrate_req), without touching the machine's own setting:
//   unshare -rn sh -c 'ip link set lo up; echo 1 > /proc/sys/net/ipv4/tcp_migrate_req; node bench/micro/accept.ts --only life'
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Ended, hasWrk, longOnes, saturate, shoot, shortOnes } from './accept-client.ts';
import { MODES } from './accept-processes.ts';
import { between, Subject } from './accept-subject.ts';

const GROUPS = ['load', 'work', 'share', 'life'] as const;
type Group = (typeof GROUPS)[number];

/** Of Linux from 5.14. */
const MIGRATE = '/proc/sys/net/ipv4/tcp_migrate_req';
const PARALLEL = 64;
const SHORT_ONES = 2000;
const STOPPED_MS = 2000;
/** An answer that took longer waited for a process that did not run. */
const LATE_MS = 500;
/** The whole program ends by then, whatever happens; with two acceptors it takes a minute and a half. */
const DEADLINE_MS = 115_000;

type Figures = Record<string, number | string>;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const imbalance = (values: readonly number[]): number =>
  round((Math.max(...values) * values.length) / sum(values));
const round = (value: number): number => Math.round(value * 100) / 100;
const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
  for (const pid of pids) process.kill(pid, name);
};

/** Requests a second and CPU of the servers; the primary's share is in the total. */
async function load(subject: Subject, seconds: number): Promise<Figures> {
  const figures: Figures = {};
  for (const [name, close] of [
    ['keep', false],
    ['close', true],
  ] as const) {
    const kind = { parallel: PARALLEL, close, path: '/' } as const;
    await saturate(subject.port, { ...kind, seconds: 1 });
    const before = await subject.counts();
    const start = performance.now();
    await saturate(subject.port, { ...kind, seconds });
    const elapsed = (performance.now() - start) / 1000;
    const after = await subject.counts();
    const did = between(before, after);
    const requests = sum(did.map((one) => one.requests));
    const primaryUs = after.primaryCpuUs - before.primaryCpuUs;
    figures[`${name} req/s`] = Math.round(requests / elapsed);
    figures[`${name} CPU µs`] = round((primaryUs + sum(did.map((one) => one.cpuUs))) / requests);
    figures[`${name} of primary`] = round(primaryUs / requests);
    figures[`${name} max/mean`] = imbalance(did.map((one) => one.requests));
  }
  return figures;
}

/** What an uneven share costs: connections that stay, requests that cost the servers so much that the load costs nothing beside it. */
async function work(subject: Subject, seconds: number): Promise<Figures> {
  const before = await subject.counts();
  const p99Ms = await saturate(subject.port, { parallel: PARALLEL, close: false, seconds, path: '/work' });
  const requests = between(before, await subject.counts()).map((one) => one.requests);
  return {
    'work req/s': Math.round(sum(requests) / seconds),
    'p99 ms': round(p99Ms),
    'max/mean': imbalance(requests),
  };
}

/** Connections per acceptor, and the greatest over the mean. */
async function share(subject: Subject): Promise<Figures> {
  const figures: Figures = {};
  const note = async (name: string, run: () => Promise<void>): Promise<void> => {
    const before = await subject.counts();
    await run();
    const got = between(before, await subject.counts()).map((one) => one.connections);
    figures[name] = got.toSorted((a, b) => b - a).join(' ');
    figures[`${name} max/mean`] = imbalance(got);
  };
  for (const [name, gapMs] of [
    ['64 slowly', 5],
    ['64 at once', 0],
  ] as const) {
    await note(name, async () => {
      for (const socket of await longOnes(subject.port, PARALLEL, gapMs)) socket.destroy();
    });
  }
  const busy = saturate(subject.port, { parallel: PARALLEL, close: false, seconds: 3, path: '/' });
  await sleep(500);
  await note('2000 short', async () => {
    await shortOnes(subject.port, 8, (done) => done > SHORT_ONES - 8);
  });
  await busy;
  return figures;
}

function ends(ended: readonly Ended[]): string {
  const how = (kind: Ended['how']): number => ended.filter((one) => one.how === kind).length;
  const late = ended.filter((one) => one.how === 'answered' && one.ms > LATE_MS).length;
  const parts = [
    [how('answered') - late, 'ok'],
    [late, 'late'],
    [how('reset'), 'reset'],
    [how('refused'), 'refused'],
    [how('timeout'), 'hung'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count} ${name}`)
    .join(', ');
}

/** What becomes of connections around the ends of acceptors. */
async function life(subject: Subject): Promise<Figures> {
  const { port } = subject;
  const figures: Figures = {};

  const [first] = await subject.pids();
  signal([first], 'SIGSTOP');
  const resume = sleep(STOPPED_MS).then(() => signal([first], 'SIGCONT'));
  const duringStop = await shoot(port, 200, 5);
  await resume;
  figures['one stopped 2 s'] = ends(await Promise.all(duringStop));

  const [victim, ...others] = await subject.pids();
  signal([victim, ...others], 'SIGSTOP');
  const waiting = await shoot(port, 100, 0);
  await sleep(200);
  signal([victim], 'SIGKILL');
  signal(others, 'SIGCONT');
  figures['100 wait, one killed'] = ends(await Promise.all(waiting));

  figures['killed under load'] = await underLoad(port, async () => {
    const [busy] = await subject.pids();
    signal([busy], 'SIGKILL');
    await sleep(500);
  });
  figures['replaced under load'] = await underLoad(port, async () => {
    for (let i = 0; i < 3; i++) await subject.ask('replace');
  });

  const all = await subject.pids();
  signal(all, 'SIGSTOP');
  const removed = await shoot(port, 50, 0);
  await sleep(200);
  await subject.ask('remove');
  signal(all, 'SIGCONT');
  figures['50 wait, removed'] = ends(await Promise.all(removed));
  return figures;
}

async function underLoad(port: number, act: () => Promise<void>): Promise<string> {
  let isOver = false;
  const ended = shortOnes(port, PARALLEL, () => isOver);
  await sleep(300);
  await act();
  isOver = true;
  return ends(await ended);
}

/** Rows of one group: columns as wide as what is in them, the first stands left. */
function table(title: string, rows: readonly Figures[]): string {
  const head = Object.keys(rows[0]);
  const cells = [head, ...rows.map((row) => head.map((name) => String(row[name] ?? '-')))];
  const widths = head.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  const lines = cells.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
  return [title, ...lines.map((line) => `  ${line}`)].join('\n');
}

function chosen<T extends string>(
  option: string,
  text: string | undefined,
  valid: readonly T[],
): readonly T[] {
  if (text === undefined) return valid;
  return text.split(',').map((name) => {
    const found = valid.find((one) => one === name);
    if (found === undefined) throw new Error(`--${option}: no "${name}"; valid: ${valid.join(', ')}`);
    return found;
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      modes: { type: 'string' },
      acceptors: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
    },
  });
  const modes = chosen('modes', values.modes, MODES);
  const acceptors = chosen('acceptors', values.acceptors, ['2', '4', '8']);
  const run: Readonly<Record<Group, (subject: Subject) => Promise<Figures>>> = {
    load: (subject) => load(subject, Number(values.seconds)),
    work: (subject) => work(subject, Number(values.seconds)),
    share,
    life,
  };
  const migrate = existsSync(MIGRATE) ? readFileSync(MIGRATE, 'utf8').trim() : 'unknown';
  console.log(`node ${process.version}, ${hasWrk ? 'wrk' : 'own client'}, tcp_migrate_req ${migrate}`);
  const results: Figures[] = [];
  for (const group of chosen('only', values.only, GROUPS)) {
    const rows: Figures[] = [];
    for (const count of acceptors) {
      for (const mode of modes) {
        const subject = await Subject.start(mode, Number(count));
        rows.push({ mode, acceptors: Number(count), ...(await run[group](subject)) });
        await subject.stop();
      }
    }
    console.log(table(group, rows));
    results.push(...rows.map((row) => ({ group, ...row })));
  }
  if (values.json) console.log(JSON.stringify(results));
}

setTimeout(() => {
  Subject.abandonAll();
  console.error(`not done within ${DEADLINE_MS / 1000} s`);
  process.exit(1);
}, DEADLINE_MS).unref();
await main();
