// What runs during a scenario: upstream processes and one instance of every contender, for one setup.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeSelfSigned } from '../src/local-ca/maker.ts';
import {
  type Contender,
  freePort,
  listening,
  type Place,
  type Running,
  type Setup,
  startContender,
  stopAtExit,
} from './contenders/contender.ts';
import { pinned } from './pin.ts';
import { type Entry, type Group, setupOf } from './plan.ts';
import type { Note } from './run.ts';

interface Fleet {
  readonly running: readonly Running[];
  stop(): Promise<void>;
}

/** Files that all instances share. */
type Files = Pick<Place, 'certificate' | 'staticDir'>;

/** Test certificate and static files in `dir`. */
export async function makeFiles(dir: string): Promise<Files> {
  const names = { dns: ['localhost'], ips: ['127.0.0.1', '::1'] };
  const made = await makeSelfSigned(names, 365 * 24 * 3600_000, Date.now());
  const certificate = {
    certificate: join(dir, 'localhost.crt'),
    key: join(dir, 'localhost.key'),
    both: join(dir, 'localhost.pem'),
  };
  writeFileSync(certificate.certificate, made.certificate);
  writeFileSync(certificate.key, made.key);
  writeFileSync(certificate.both, made.certificate + made.key);
  mkdirSync(join(dir, 'static'));
  const sizes = { '1k': 1024, '10k': 10_240, '100m': 100 * 2 ** 20 };
  for (const [name, size] of Object.entries(sizes)) {
    writeFileSync(join(dir, 'static', name), Buffer.alloc(size, 'x'));
  }
  return { certificate, staticDir: dir };
}

/** Fleets that run now. A group of scenarios takes over those of the group before that it needs too. */
export class Fleets {
  private readonly files: Files;
  private readonly dir: string;
  private readonly note: Note;
  private readonly fleets = new Map<string, Fleet>();

  constructor(files: Files, dir: string, note: Note) {
    this.files = files;
    this.dir = dir;
    this.note = note;
  }

  /** Stops what the group does not need, starts what it lacks; the instances of each of its entries. */
  async make(group: Group): Promise<ReadonlyMap<Entry, readonly Running[]>> {
    const keys = new Set(group.map(keyOf));
    for (const [key, fleet] of this.fleets) {
      if (keys.has(key)) continue;
      this.fleets.delete(key);
      await fleet.stop();
    }
    const made = new Map<Entry, readonly Running[]>();
    for (const entry of group) {
      const key = keyOf(entry);
      const fleet =
        this.fleets.get(key) ?? (await this.start(setupOf(entry.scenario.setup), entry.contenders));
      this.fleets.set(key, fleet);
      made.set(entry, fleet.running);
    }
    return made;
  }
  /** Upstreams and then the contenders; one that does not start is noted and left out. */
  private async start(setup: Setup, contenders: readonly Contender[]): Promise<Fleet> {
    const running: Running[] = [];
    const upstreams: Upstream[] = [];
    for (let i = 0; i < setup.upstreams; i++) upstreams.push(await startUpstream(setup, i));
    for (const contender of contenders) {
      const place = {
        ...this.files,
        port: await freePort(),
        upstreams: upstreams.map((one) => one.port),
        dir: mkdtempSync(join(this.dir, 'instance-')),
      };
      try {
        running.push(await startContender(contender, setup, place));
      } catch (error) {
        this.note(error instanceof Error ? error.message : String(error));
      }
    }
    const stop = async (): Promise<void> => {
      await Promise.all([...running, ...upstreams].map((one) => one.stop()));
      for (const { place } of running) rmSync(place.dir, { recursive: true, force: true });
    };
    return { running, stop };
  }
}

const keyOf = ({ scenario, contenders }: Entry): string =>
  JSON.stringify([setupOf(scenario.setup), contenders.map((one) => one.name)]);

interface Upstream {
  readonly port: number;
  stop(): Promise<void>;
}

async function startUpstream(setup: Setup, index: number): Promise<Upstream> {
  const port = await freePort();
  const file = setup.upgrade ? './websocket-upstream.ts' : './upstream-server.ts';
  const program = new URL(file, import.meta.url).pathname;
  // Peers beyond the processes are these at further loopback addresses, which only a wildcard takes all of.
  const host = setup.peers > setup.upstreams ? '0.0.0.0' : '127.0.0.1';
  const delayMs = index === setup.upstreams - 1 ? setup.slowPeerMs : 0;
  const command = [process.execPath, program, String(port), host, String(delayMs)];
  const [node, ...args] = pinned(setup.unpinned ? undefined : 'load', command);
  const child = spawn(node, args, { stdio: ['ignore', 'ignore', 'inherit'], detached: true });
  const stop = stopAtExit(child);
  await listening(port);
  return { port, stop };
}
