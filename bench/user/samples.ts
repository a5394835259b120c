// Where an acceptor was when it was looked at, some thousand times a second: by perf, or, where that may not look, by V8's own profiler.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Probe } from '../counts/counted.ts';
import { JitDump } from './jit-dump.ts';
import { type Part, partOfFile, partOfSymbol } from './parts.ts';

/** Samples of a part; those in the kernel apart. */
export interface Samples {
  readonly user: ReadonlyMap<Part, number>;
  /** 0 with V8's profiler, which counts what the kernel does to where it was called from. */
  readonly kernel: number;
  readonly by: 'perf' | 'V8';
}

export type Work = () => Promise<void>;

const SAMPLES_PER_SECOND = '4999';
/** What perf prints may be large. */
const MOST_BYTES = 2 ** 29;

/** Why perf cannot be used here; undefined when it can. */
export function perfMissing(dir: string): string | undefined {
  const data = join(dir, 'try.data');
  try {
    execFileSync('perf', ['record', '-q', '-e', 'cpu-clock', '-o', data, 'true'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Looks at the process while it works; the file with what perf saw. */
export async function recordByPerf(pid: number, dir: string, work: Work): Promise<string> {
  const data = join(dir, 'perf.data');
  const args = ['record', '-q', '-e', 'cpu-clock', '-F', SAMPLES_PER_SECOND, '-p', String(pid), '-o', data];
  const perf = spawn('perf', args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve, reject) => {
    perf.once('error', reject);
    perf.once('exit', () => resolve());
  });
  await work();
  perf.kill('SIGINT');
  await ended;
  return data;
}

/** To be called when the process has ended: V8 keeps the last megabytes of its dump until then. */
export function samplesByPerf(data: string, dumpFile: string): Samples {
  const printed = execFileSync('perf', ['script', '-i', data, '-F', 'ip,sym,dso'], {
    ...{ encoding: 'latin1', maxBuffer: MOST_BYTES, stdio: ['ignore', 'pipe', 'ignore'] },
  });
  return perfSamples(printed, new JitDump(readFileSync(dumpFile)));
}

export function perfSamples(printed: string, dump: JitDump): Samples {
  const user = new Map<Part, number>();
  const sources = new Sources();
  let kernel = 0;
  for (const line of printed.split('\n')) {
    const [, address, symbol, object] = /^ *([0-9a-f]+) (.*) \((.*)\)$/.exec(line) ?? [];
    if (address === undefined) continue;
    if (object.startsWith('[kernel') || object.startsWith('[guest')) {
      kernel++;
      continue;
    }
    const code = dump.placeOf(Number.parseInt(address, 16));
    const part =
      code === undefined
        ? partOfSymbol(symbol, object)
        : code.file === ''
          ? partOfSymbol(code.name, '/node')
          : partOfFile(sources.fileOf(code.file, code.line, code.column));
    user.set(part, (user.get(part) ?? 0) + 1);
  }
  return { user, kernel, by: 'perf' };
}

/** A profile as `--cpu-prof` writes it. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
  }[];
  readonly samples: readonly number[];
}

export async function samplesByV8(probe: Probe, dir: string, work: Work): Promise<Samples> {
  const file = join(dir, 'acceptor.cpuprofile');
  const stop = await probe.startProfile();
  await work();
  await stop(file);
  return profileSamples(JSON.parse(readFileSync(file, 'utf8')));
}

export function profileSamples({ nodes, samples }: Profile): Samples {
  const sources = new Sources();
  const parts = new Map(nodes.map(({ id, callFrame }) => [id, partOfFrame(callFrame, sources)]));
  const user = new Map<Part, number>();
  for (const id of samples) {
    const part = parts.get(id);
    if (part !== undefined) user.set(part, (user.get(part) ?? 0) + 1);
  }
  return { user, kernel: 0, by: 'V8' };
}

function partOfFrame(frame: Profile['nodes'][number]['callFrame'], sources: Sources): Part | undefined {
  if (frame.functionName === '(idle)') return undefined;
  if (frame.functionName === '(garbage collector)') return 'V8, garbage';
  // Of Node's C++, what it calls in the kernel and between two calls of JavaScript.
  if (frame.url === '') return 'Node, C++ and libuv';
  return partOfFile(sources.fileOf(frame.url, frame.lineNumber + 1, frame.columnNumber + 1));
}

/** The files of src/ behind those of a build. */
class Sources {
  readonly #maps = new Map<string, SourceMap | undefined>();
  readonly #files = new Map<string, string>();

  /** The same file where no map lies beside it. Lines and columns begin with 1. */
  fileOf(built: string, line: number, column: number): string {
    const place = `${built}:${line}:${column}`;
    let file = this.#files.get(place);
    if (file === undefined) {
      const found = this.#mapOf(built)?.findEntry(line - 1, column - 1);
      file = found !== undefined && 'originalSource' in found ? found.originalSource : built;
      this.#files.set(place, file);
    }
    return file;
  }

  #mapOf(built: string): SourceMap | undefined {
    if (!this.#maps.has(built)) {
      // Files of CommonJS go by their paths.
      const path = `${built.startsWith('file:') ? fileURLToPath(built) : built}.map`;
      const map = existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
      this.#maps.set(built, map);
    }
    return this.#maps.get(built);
  }
}
