// The real program under attack: started from its sources, and asked every moment whether all is as it was.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePorts } from '../support/free-ports.ts';
import { MAIN } from '../support/main-file.ts';
import { fail } from './target.ts';

const READY_MS = 30_000;
const STOP_MS = 5000;

export class Program {
  readonly ports: readonly number[];
  readonly #dir: string;
  readonly #child: ChildProcess;
  #text = '';
  #acceptors: readonly number[] = [];
  #told = 0;

  private constructor(config: string, ports: readonly number[], files: Readonly<Record<string, string>>) {
    this.ports = ports;
    this.#dir = mkdtempSync(join(tmpdir(), 'lbproxy-fuzz-'));
    const text = config
      .replace(/\bPORT(\d)\b/g, (_, n) => String(ports[Number(n) - 1]))
      .replaceAll(/\bDIR\b/g, this.#dir);
    for (const [name, content] of Object.entries({ ...files, 'nginx.conf': text })) {
      mkdirSync(dirname(join(this.#dir, name)), { recursive: true });
      writeFileSync(join(this.#dir, name), content);
    }
    this.#child = spawn(process.execPath, [MAIN, '--config', join(this.#dir, 'nginx.conf')], {
      cwd: this.#dir,
      env: { ...process.env, XDG_STATE_HOME: join(this.#dir, 'state') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (part) => {
        this.#text = (this.#text + part).slice(-20_000);
      });
    process.on('exit', () => this.#child.kill('SIGKILL'));
  }

  /** In the text PORT1 and PORT2 become free ports and DIR the directory of `files`; it must log to DIR/error.log. */
  static async start(config: string, files: Readonly<Record<string, string>> = {}): Promise<Program> {
    const program = new Program(config, await freePorts(2), files);
    const deadline = performance.now() + READY_MS;
    while (!program.#text.includes('is ready')) {
      if (performance.now() > deadline || program.#child.exitCode !== null)
        fail(`the program did not start: ${program.#text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    program.#acceptors = program.#children();
    if (program.#acceptors.length !== 2) fail(`${program.#acceptors.length} acceptors`);
    return program;
  }

  get processes(): Readonly<Record<string, number>> {
    const [first, second] = this.#acceptors;
    return { primary: this.#child.pid as number, 'acceptor 1': first, 'acceptor 2': second };
  }

  /** Throws when an acceptor is another one than at the start, or the log tells of something that nobody expected. */
  check(): void {
    const now = this.#children();
    const before = this.#acceptors;
    this.#acceptors = now.length === before.length ? now : before;
    if (now.join() !== before.join()) fail(`acceptors ${before.join()} are now ${now.join()}: ${this.#text}`);
    const log = this.#read(join(this.#dir, 'error.log'));
    const news = log.slice(this.#told);
    this.#told = log.length;
    if (news !== '') fail(`the log says: ${news.slice(0, 2000)}`);
  }

  #children(): number[] {
    const { pid } = this.#child;
    return this.#read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number).sort();
  }

  #read(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    if (this.#child.exitCode === null && this.#child.signalCode === null) await ended;
    clearTimeout(timer);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
