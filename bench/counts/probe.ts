// Loaded into primary and acceptor by `--import`: tells over a Unix socket what V8 has allocated, and writes a profile of a span of time.
// A line asks (`heap`, `minor`, `major`, `start`, `stop FILE`), a line of JSON answers. In the primary it adds the flags that the acceptor is started with.
import { writeFileSync } from 'node:fs';
import type { Session } from 'node:inspector/promises';
import { createServer } from 'node:net';
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The memory of an acceptor. */
export interface Heap {
  /** Bytes of V8's heap that are in use: exact, other than `total_allocated_bytes`, which counts pages of 256 KB. */
  readonly used: number;
  /** Of these what is not in the young generation: what lived through minor collections, or was made old at once. */
  readonly old: number;
  /** Bytes of buffers outside of it that stand now. */
  readonly buffers: number;
  readonly pid: number;
}

let session: Session | undefined;

async function answer(command: string, file: string): Promise<object> {
  if (command === 'heap') return heap();
  if (command === 'minor' || command === 'major') {
    collect(command);
    return heap();
  }
  // Only who profiles pays for it.
  const { Session: Made } = await import('node:inspector/promises');
  if (command === 'start') {
    session = new Made();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    await session.post('Profiler.start');
  } else {
    const stopped = await session?.post('Profiler.stop');
    writeFileSync(file, JSON.stringify(stopped?.profile));
    session?.disconnect();
  }
  return {};
}

let gc: ((options: { readonly type: 'minor' | 'major' }) => void) | undefined;

function collect(type: 'minor' | 'major'): void {
  if (gc === undefined) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc');
  }
  gc?.({ type });
}

function heap(): Heap {
  const young = getHeapSpaceStatistics().filter(({ space_name }) => /^new_/.test(space_name));
  const used = getHeapStatistics().used_heap_size;
  return {
    used,
    old: used - young.reduce((sum, { space_used_size }) => sum + space_used_size, 0),
    buffers: process.memoryUsage().arrayBuffers,
    pid: process.pid,
  };
}

const { LBPROXY_PROBE: path, LBPROXY_PROBE_FLAGS: flags = '' } = process.env;
const isAcceptor = /acceptor-main/.test(process.argv[1] ?? '');
// Of the acceptor alone: the primary closes what V8 has opened to write to.
if (!isAcceptor) process.execArgv.push(...flags.split(' ').filter((flag) => flag !== ''));
if (path !== undefined) {
  const server = createServer((socket) => {
    socket.setEncoding('utf8').on('error', () => {});
    socket.on('data', (line: string) => {
      const [command, file = ''] = line.trim().split(' ');
      answer(command, file).then(
        (told) => socket.write(`${JSON.stringify(told)}\n`),
        (error: unknown) => socket.destroy(error as Error),
      );
    });
  });
  // Not by way of the primary, as servers of a cluster are otherwise.
  server.listen({ path: isAcceptor ? path : `${path}.primary`, exclusive: true }).unref();
}
