// System calls per request, of all threads of a process: by strace; where nobody may trace, reads and writes as the kernel counts them.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Calls per request by name. */
export type Calls = Readonly<Record<string, number>>;

export interface CallCount {
  readonly calls: Calls;
  /** Why there are no calls but reads and writes. */
  readonly untraced?: string;
}

/** Memory and threads: when V8 collects and compiles, which is no matter of a request. */
const NOT_OF_REQUESTS = /^(?:futex|mmap|munmap|madvise|mprotect|sched_yield|restart_syscall|gettid|getpid)$/;

/** What becomes of a socket is told to epoll by a call for each, or through io_uring where the kernel lets libuv. */
const SAME: ReadonlyMap<string, string> = new Map([['io_uring_enter', 'epoll_ctl']]);

/**
 * The calls in what `strace -f` wrote. A wait for events that found none is left out: an idle Node looks once before it goes to sleep, and
 * how often it is idle is a matter of who else runs.
 */
export function callsIn(log: string): ReadonlyMap<string, number> {
  const calls = new Map<string, number>();
  for (const line of log.split('\n')) {
    const [, resumed, begun, result] =
      /^(?:\d+ +)?(?:<\.\.\. (\w+) resumed>|(\w+)\().* = (-?\d+)(?: .*)?$/.exec(line) ?? [];
    const called = resumed ?? begun;
    if (called === undefined || NOT_OF_REQUESTS.test(called)) continue;
    const name = SAME.get(called) ?? called;
    if (name.startsWith('epoll_') && result === '0' && name !== 'epoll_ctl') continue;
    calls.set(name, (calls.get(name) ?? 0) + 1);
  }
  return calls;
}

/** What `requests` requests, sent by `ask`, cost the process. */
export async function countCalls(
  pid: number,
  requests: number,
  ask: (times: number) => Promise<void>,
  file: string,
): Promise<CallCount> {
  const trace = await startTrace(pid, file);
  const before = ioOf(pid);
  await ask(requests);
  if (typeof trace === 'string')
    return { calls: per(requests, difference(before, ioOf(pid))), untraced: trace };
  await trace();
  return { calls: per(requests, callsIn(readFileSync(file, 'latin1'))) };
}

const per = (requests: number, calls: ReadonlyMap<string, number>): Calls =>
  Object.fromEntries([...calls].map(([name, count]) => [name, count / requests]));

/** What ends the trace, or why there is none. */
function startTrace(pid: number, file: string): Promise<(() => Promise<void>) | string> {
  return new Promise((resolve) => {
    const args = ['-f', '-s', '0', '-e', 'signal=none', '-o', file, '-p', String(pid)];
    const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    const ended = new Promise<void>((gone) => {
      strace.once('error', (error) => {
        resolve(error.message);
        gone();
      });
      strace.once('exit', () => {
        resolve(said);
        gone();
      });
    });
    strace.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part;
      if (!/ attached\b/.test(said)) return;
      resolve(async () => {
        strace.kill('SIGINT');
        await ended;
      });
    });
  });
}

/** The calls that move bytes, since the process began: read and write with all their kin, of files and sockets. */
function ioOf(pid: number): ReadonlyMap<string, number> {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  const value = (name: string): number => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1]);
  return new Map([
    ['read', value('syscr')],
    ['write', value('syscw')],
  ]);
}

const difference = (
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> =>
  new Map([...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)]));
