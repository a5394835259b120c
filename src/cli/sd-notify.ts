// Tells the service manager that started us (systemd, or podman) how we are: sd_notify(3), and the pings of its watchdog.
// Node has no Unix datagram socket (node:net is streams, node:dgram is UDP, node:ffi is of Node 26 alone), so a message is sent by a
// program that every such machine has: systemd-notify, else perl, else python3. Without NOTIFY_SOCKET nothing of this runs.
import { execFile } from 'node:child_process';
import { Timer } from '../shared/timer.ts';

/** What the service manager means for us alone. */
export const SERVICE_VARIABLES: readonly string[] = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];
/** A sender takes milliseconds; one that hangs must not hold back those behind it. */
const SEND_LIMIT_MS = 5000;
/** systemd looks up the sender's service by its process id, and a sender that is gone has none. systemd-notify itself waits for that. */
const LINGER = 1;

/** Without what the service manager told us: a program that answered in our place would be taken for us. */
export function withoutServiceVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !SERVICE_VARIABLES.includes(name)));
}

/** Sends assignments, one a line (`READY=1\nSTATUS=…`), to $NOTIFY_SOCKET; nothing where there is none. Rejects with a clause that says why not. */
export async function sdNotify(state: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const socket = env.NOTIFY_SOCKET;
  if (socket === undefined || socket === '') return;
  if (!/^[/@]./.test(socket))
    throw new Error(`NOTIFY_SOCKET is "${socket}", neither a path nor an abstract (@) name`);
  for (const [command, args] of sendersOf(socket, state)) if (await send(command, args, env)) return;
  throw new Error(
    'the service manager was not told how lbproxy is: none of systemd-notify, perl and python3 is in PATH; install one, or set Type=exec and no WatchdogSec= in the unit',
  );
}

const PERL = `use Socket; my ($to, $text) = @ARGV; $to =~ s/^@/\\0/; my $s; socket($s, AF_UNIX, SOCK_DGRAM, 0) && send($s, $text, 0, pack_sockaddr_un($to)) or die "$!\\n"; sleep ${LINGER}`;
const PYTHON = `import os, socket, sys, time
to = sys.argv[1]
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(os.fsencode(sys.argv[2]), '\\0' + to[1:] if to[0] == '@' else to)
time.sleep(${LINGER})`;

function sendersOf(socket: string, state: string): readonly (readonly [string, readonly string[]])[] {
  return [
    ['systemd-notify', ['--', ...state.split('\n')]],
    ['perl', ['-e', PERL, socket, state]],
    ['python3', ['-c', PYTHON, socket, state]],
  ];
}

/** False when there is no such program. */
function send(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, timeout: SEND_LIMIT_MS, killSignal: 'SIGKILL' }, (error, _, stderr) => {
      if (error === null) return resolve(true);
      if (error.code === 'ENOENT') return resolve(false);
      const why = error.killed === true ? `it took longer than ${SEND_LIMIT_MS / 1000} s` : stderr.trim();
      reject(
        new Error(`${command} could not tell the service manager how lbproxy is: ${why || error.message}`),
      );
    });
  });
}

/** The service manager, as long as we run. Nothing here rejects or throws: what goes wrong is warned of, once until it goes right. */
export class ServiceNotifier {
  readonly #env: NodeJS.ProcessEnv;
  readonly #warn: (message: string) => void;
  #sent: Promise<void> = Promise.resolve();
  #failing = false;
  #watchdog: Timer | undefined;
  #pinging = false;

  constructor(env: NodeJS.ProcessEnv, warn: (message: string) => void) {
    this.#env = env;
    this.#warn = warn;
    const everyMs = watchdogMs(env);
    if (everyMs !== null) this.#ping(everyMs / 2);
  }

  ready(status: string): Promise<void> {
    return this.#send(`READY=1\nSTATUS=${oneLine(status)}\nMAINPID=${process.pid}`);
  }

  /** `ready` has to follow, also where the reload failed. */
  reloading(): Promise<void> {
    return this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): Promise<void> {
    return this.#send('STOPPING=1');
  }

  /** No ping is sent any more; what was said before is still told. */
  close(): Promise<void> {
    this.#watchdog?.stop();
    return this.#sent;
  }

  /** In the order of the calls. */
  #send(state: string): Promise<void> {
    this.#sent = this.#sent.then(async () => {
      try {
        await sdNotify(state, this.#env);
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) this.#warn((error as Error).message);
        this.#failing = true;
      }
    });
    return this.#sent;
  }

  /** By a timer of the event loop that the primary lives by: when that stands still, so do the pings. */
  #ping(everyMs: number): void {
    const next = (): void => {
      this.#watchdog = new Timer(() => {
        next();
        if (this.#pinging) return;
        this.#pinging = true;
        void this.#send('WATCHDOG=1').then(() => {
          this.#pinging = false;
        });
      }, everyMs).unref();
    };
    next();
  }
}

/**
 * The service manager that started this process, or null. Its variables are gone from `process.env` afterwards, so that neither acceptors
 * nor programs inherit them: call it before the first of them is started.
 */
export function openServiceNotifier(warn: (message: string) => void): ServiceNotifier | null {
  const { env } = process;
  const told = env.NOTIFY_SOCKET !== undefined && env.NOTIFY_SOCKET !== '';
  const notifier = told ? new ServiceNotifier({ ...env }, warn) : null;
  for (const name of SERVICE_VARIABLES) delete env[name];
  return notifier;
}

/** sd_watchdog_enabled(3): the time within which a ping has to come; null where none is awaited of this process. */
function watchdogMs(env: NodeJS.ProcessEnv): number | null {
  const { WATCHDOG_USEC: limit = '', WATCHDOG_PID: pid = '' } = env;
  if (!/^\d{1,15}$/.test(limit) || Number(limit) === 0) return null;
  return pid === '' || Number(pid) === process.pid ? Number(limit) / 1000 : null;
}

/** A line break would begin another assignment. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}
