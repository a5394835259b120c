// npm run bench: scenarios × contenders, rounds interleaved A B C A B C, answers verified first.
// Options after `--`: --seconds N (a round), --rounds N, --only plain,up-64k, --contenders lbproxy,nginx, --quick
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listening, type Running, startContender } from './contenders/contender.ts';
import { CONTENDERS } from './contenders/index.ts';
import { runLoad } from './load.ts';
import { usageOf } from './measure.ts';
import { type Round, summarise, table, writeResults } from './report.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { verify } from './verify.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    contenders: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});

const seconds = values.quick ? 2 : Number(values.seconds);
const rounds = values.quick ? 2 : Number(values.rounds);
const wanted = values.only?.split(',');
const scenarios = SCENARIOS.filter((s) => wanted === undefined || wanted.includes(s.name));
const names = values.contenders?.split(',');
const chosen = CONTENDERS.filter((c) => names === undefined || names.some((n) => c.name.startsWith(n)));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function startUpstreams(count: number): Promise<{ ports: number[]; processes: ChildProcess[] }> {
  const ports: number[] = [];
  const processes: ChildProcess[] = [];
  for (let i = 0; i < count; i++) {
    const port = await freePort();
    const program = new URL('./upstream-server.ts', import.meta.url).pathname;
    processes.push(spawn(process.execPath, [program, String(port)], { stdio: 'ignore' }));
    await listening(port);
    ports.push(port);
  }
  return { ports, processes };
}

async function measureRound(running: Running, scenario: Scenario, round: number): Promise<Round> {
  const pid = running.process.pid ?? 0;
  const before = usageOf(pid);
  const load = await runLoad(running.port, scenario, seconds);
  const after = usageOf(pid);
  const userUs = (after.userUs - before.userUs) / load.requests;
  const systemUs = (after.systemUs - before.systemUs) / load.requests;
  return {
    scenario: scenario.name,
    contender: running.contender.name,
    round,
    requestsPerSecond: load.requests / load.seconds,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    cpuUs: userUs + systemUs,
    userUs,
    systemUs,
    pssMb: after.pssKb / 1024,
    failures: load.failures,
  };
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-bench-'));
  const upstreams = await startUpstreams(2);
  const versions: Record<string, string> = {};
  const running: Running[] = [];
  try {
    for (const contender of chosen) {
      const version = contender.version();
      if (version === undefined) {
        console.log(`${contender.name} is not installed and left out (${contender.install})`);
        continue;
      }
      versions[contender.name] = version;
      const setup = { port: await freePort(), upstreams: upstreams.ports, dir: mkdtempSync(join(dir, 'c-')) };
      running.push(await startContender(contender, setup));
    }
    for (const one of running)
      for (const scenario of scenarios) await verify(one.contender.name, one.port, scenario);
    // Everyone once without measuring: code compiled, connections open.
    for (const one of running) for (const scenario of scenarios) await runLoad(one.port, scenario, 1);
    const done: Round[] = [];
    for (const scenario of scenarios) {
      for (let round = 1; round <= rounds; round++) {
        for (const one of running) done.push(await measureRound(one, scenario, round));
      }
      console.log(`${scenario.name}: ${scenario.about}`);
    }
    const lines = summarise(done);
    console.log(`\n${table(lines)}\n`);
    console.log(`written to ${writeResults(lines, done, versions)}`);
  } finally {
    for (const one of running) await one.stop();
    for (const child of upstreams.processes) child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

await main();
