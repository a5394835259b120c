// Lines to the system's log. Node has no Unix datagram sockets, so that one `logger` (util-linux, busybox, BSD) sends them, fed on its stdin
// for as long as lbproxy lives; a process per line would cost a thousand times as much. Where nothing takes them they are dropped, and
// that is told once.
import { type ChildProcess, spawn } from 'node:child_process';

/** LOG_USER and LOG_INFO, as Python's syslog module has it by default. */
const PRIORITY = 'user.info';
/** util-linux: lines are not cut at 1 KiB, and a missing socket is an error. */
const LINUX_OPTIONS: readonly string[] = ['--size', '65536', '--socket-errors=on'];
const MAX_WAITING_BYTES = 1024 * 1024;
const RETRY_MS = 5000;
const MAX_REASON_CHARS = 300;

export interface SyslogSettings {
  readonly report: (message: string) => void;
  /** What stands before each message in the system's log. */
  readonly tag: string;
  /** The program and its first arguments; for tests. */
  readonly command?: readonly string[];
}

export class Syslog {
  readonly #settings: SyslogSettings;
  #child: ChildProcess | null = null;
  #options = LINUX_OPTIONS;
  #retryAt = 0;
  #isBroken = false;
  #lost = 0;
  #closed = false;

  constructor(settings: SyslogSettings) {
    this.#settings = settings;
  }

  /** One line, without its end. Never waits. */
  send(line: string): void {
    const stdin = (this.#child ?? this.#start())?.stdin;
    if (stdin == null || stdin.writableLength > MAX_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    // A NUL would end the message, in syslog(3) as in `logger`.
    stdin.write(`${line.replaceAll('\0', ' ')}\n`);
  }

  /** Resolves when `logger` has taken what waits. */
  flush(): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin == null || stdin.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => {
      stdin.once('close', resolve);
      stdin.write('', () => resolve());
    });
  }

  /** `logger` sends what it has and ends by itself. */
  close(): void {
    this.#closed = true;
    this.#child?.stdin?.end();
    this.#child?.unref();
    this.#child = null;
    if (this.#lost > 0) this.#settings.report(`syslog: ${this.#lost} lines were lost`);
    this.#lost = 0;
  }

  #start(): ChildProcess | null {
    if (this.#closed || performance.now() < this.#retryAt) return null;
    this.#retryAt = performance.now() + RETRY_MS;
    const [command, ...first] = this.#settings.command ?? ['logger'];
    try {
      // In a session of its own: a terminal's Ctrl-C is not for it.
      const child = spawn(command, [...first, '-t', this.#settings.tag, '-p', PRIORITY, ...this.#options], {
        stdio: ['pipe', 'ignore', 'pipe'],
        detached: true,
      });
      this.#watch(child);
      this.#child = child;
      return child;
    } catch (error) {
      this.#broken((error as Error).message);
      return null;
    }
  }

  #watch(child: ChildProcess): void {
    let said = '';
    const over = (reason: string): void => {
      if (this.#child !== child) return;
      this.#child = null;
      if (this.#options.length > 0 && /(?:unrecognized|invalid|illegal|unknown) option/i.test(said)) {
        this.#options = [];
        this.#retryAt = 0;
      } else {
        this.#broken(said.trim() || reason);
      }
    };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, MAX_REASON_CHARS);
    });
    child.stderr?.on('error', () => undefined);
    child.stdin?.on('error', () => undefined);
    child.on('error', (error: NodeJS.ErrnoException) =>
      over(
        error.code === 'ENOENT'
          ? 'there is no program "logger": install bsdutils or util-linux'
          : error.message,
      ),
    );
    child.on('close', (code, signal) => over(`logger ended with ${signal ?? `status ${code}`}`));
  }

  #broken(reason: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#settings.report(
      `syslog takes nothing: ${reason.replace(/\s+/g, ' ')}; lines for it are lost until a syslog daemon runs`,
    );
  }
}
