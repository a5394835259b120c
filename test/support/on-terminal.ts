// The kit's terminal with somebody at it: runs Node on a terminal of its own, types, changes its size, and reads what its screen shows.
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach } from 'vitest';
import { until } from './http-client.ts';

/** A line of JSON on stdin is a wish; what is printed comes as lines of JSON, the last tells how it ended. */
const HARNESS = `
import fcntl, json, os, pty, select, struct, sys, termios
def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
master, slave = pty.openpty()
size(master, 24, 80)
before = termios.tcgetattr(master)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2): os.dup2(slave, fd)
    os.close(master)
    os.execv(sys.argv[1], sys.argv[1:])
def tell(value):
    sys.stdout.write(json.dumps(value) + '\\n'); sys.stdout.flush()
wishes = b''
ended = None
while True:
    ready, _, _ = select.select([master, 0], [], [], 0.05)
    if master in ready: tell({'out': os.read(master, 65536).decode('utf8', 'replace')})
    elif ended is not None: break
    if 0 in ready:
        piece = os.read(0, 65536)
        if piece == b'': os.kill(pid, 9); break
        wishes += piece
        *lines, wishes = wishes.split(b'\\n')
        for line in lines:
            wish = json.loads(line)
            if 'keys' in wish: os.write(master, wish['keys'].encode())
            if 'size' in wish: size(master, *wish['size'])
            if 'signal' in wish: os.kill(pid, wish['signal'])
    if ended is None:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done: ended = os.waitstatus_to_exitcode(status)
tell({'ended': ended, 'restored': termios.tcgetattr(master) == before})
`;

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const harness of running) harness.kill('SIGKILL');
  running.clear();
});

export interface Ended {
  readonly status: number;
  /** The terminal's settings are those of before. */
  readonly restored: boolean;
}

export class Sitting {
  readonly #harness: ChildProcess;
  #rest = '';
  #ended: Ended | null = null;
  #printed = '';

  constructor(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
    const harness = spawn('python3', ['-c', HARNESS, process.execPath, ...args], {
      cwd,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm-256color', ...env },
    });
    this.#harness = harness;
    running.add(harness);
    harness.stdin.on('error', () => {});
    harness.stdout.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const told = JSON.parse(line) as { out?: string; ended?: number; restored?: boolean };
      if (told.out !== undefined) this.#printed += told.out;
      else this.#ended = { status: told.ended ?? -1, restored: told.restored === true };
    }
  }

  #wish(wish: object): void {
    this.#harness.stdin?.write(`${JSON.stringify(wish)}\n`);
  }

  type(keys: string): void {
    this.#wish({ keys });
  }

  resize(rows: number, columns: number): void {
    this.#wish({ size: [rows, columns] });
  }

  signal(signal: number): void {
    this.#wish({ signal });
  }

  /** All that was sent to the terminal. */
  get printed(): string {
    return this.#printed;
  }

  /** What the alternate screen shows, line by line; null while the terminal is not on it. */
  screen(): readonly string[] | null {
    let lines: string[] | null = null;
    let row = 0;
    for (const [all, parameters, command] of this.#printed.matchAll(/\x1b\[([?\d;]*)([A-Za-z])|[^\x1b]+/g)) {
      if (command === 'h' && parameters === '?1049') lines = [];
      else if (command === 'l' && parameters === '?1049') lines = null;
      else if (lines === null) continue;
      else if (command === 'J') lines = [];
      else if (command === 'H') {
        row = Number(parameters.split(';')[0] || 1) - 1;
        lines[row] = '';
      } else if (command === undefined) lines[row] += all;
    }
    return lines === null ? null : Array.from(lines, (line) => line ?? '');
  }

  /** Waits until the screen has the text. */
  shows(text: string | RegExp): Promise<void> {
    const has = (): boolean => {
      const shown = (this.screen() ?? []).join('\n');
      return typeof text === 'string' ? shown.includes(text) : text.test(shown);
    };
    return until(has, 15_000, `"${text}" on the screen:\n${this.screen()?.join('\n') ?? this.#printed}`);
  }

  async end(): Promise<Ended> {
    await until(() => this.#ended !== null, 15_000, 'the end');
    return this.#ended ?? { status: -1, restored: false };
  }
}
