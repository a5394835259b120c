// What commands work with: the server, what is printed, the exit status, and the one who asks.
import type { Readable, Writable } from 'node:stream';
import { FAULTS } from '../../supervise/control/rpc-faults.ts';
import { HELP } from './help-text.ts';
import { PoolClient } from './pool-client.ts';
import { PythonError } from './python-error.ts';
import { Interrupted, type Limits, type Server } from './transport.ts';
import { call, Fault, type Methods, ProtocolError } from './xmlrpc-client.ts';

export interface CtlIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** LSBInitExitStatuses and LSBStatusExitStatuses of supervisorctl, by what they mean here. */
export const EXIT = {
  ok: 0,
  failed: 1,
  invalidArguments: 2,
  unimplemented: 3,
  refused: 4,
  wrongVersion: 5,
  notRunning: 7,
  statusStopped: 3,
  statusUnknown: 4,
} as const;

/** What may be said with any command. */
export interface Flags {
  readonly wide: boolean;
  readonly json: boolean;
  /** status: until nothing is STARTING. */
  readonly wait: boolean;
  /** The work is only begun. */
  readonly noWait: boolean;
  readonly timeoutMs: number | null;
}

/** A server, and how it was found. */
export interface Found extends Server {
  /** What to do when nothing answers there: a sentence. */
  readonly advice: string;
}

/** Reads a line that the user types; null at the end of the input. */
export type AskLine = (prompt: string, hidden: boolean) => Promise<string | null>;

export interface SessionStart {
  readonly io: CtlIo;
  readonly flags: Flags;
  readonly interactive: boolean;
  /** A problem is said when the first command needs the server. */
  readonly found: Found | { readonly problem: string };
  readonly ask: AskLine;
}

/** No command takes longer: `stopwaitsecs` of an hour is seen in real files. */
const LONGEST_ANSWER_MS = 24 * 3600_000;
/** The interface's version, which supervisorctl insists on. */
const API_VERSION = '3.0';

/** There is no server to ask. */
class NoServer extends Error {}

export class Session {
  readonly io: CtlIo;
  readonly interactive: boolean;
  readonly ask: AskLine;
  flags: Flags;
  exitStatus: number = EXIT.ok;
  /** The shell is to end. */
  left = false;
  /** What --json prints of a command; null for its lines. */
  document: unknown = null;
  #found: Found | { readonly problem: string };
  #lines: string[] = [];
  #interrupt = new AbortController();

  constructor({ io, flags, interactive, found, ask }: SessionStart) {
    this.io = io;
    this.flags = flags;
    this.interactive = interactive;
    this.ask = ask;
    this.#found = found;
  }

  get server(): Found {
    if ('problem' in this.#found) throw new NoServer(this.#found.problem);
    return this.#found;
  }

  set server(server: Found) {
    this.#found = server;
  }

  /** Whom the server is told that asks. */
  get login(): Pick<Server, 'username' | 'password'> {
    return 'problem' in this.#found ? { username: null, password: null } : this.#found;
  }

  get limits(): Limits {
    return { answerMs: this.flags.timeoutMs ?? LONGEST_ANSWER_MS, signal: this.#interrupt.signal };
  }

  /** lbproxy's own way of being asked. */
  get pool(): PoolClient {
    return new PoolClient(this.server, this.limits);
  }

  output(line: string): void {
    if (this.flags.json) this.#lines.push(line);
    else this.io.stdout.write(`${line}\n`);
  }

  /** A result that is not printed with --json, where the document has it. */
  table(lines: readonly string[]): void {
    if (!this.flags.json && lines.length > 0) this.io.stdout.write(`${lines.join('\n')}\n`);
  }

  /** For persons: scripts read what output() prints. */
  hint(text: string): void {
    this.io.stderr.write(`lbproxy ctl: ${text}\n`);
  }

  help(command: string): void {
    this.output(HELP[command]);
  }

  /** `Error: …`, with the help of the command. */
  refuse(text: string, command: string, status: number = EXIT.failed): void {
    this.output(text);
    this.exitStatus = status;
    this.help(command);
  }

  call<M extends keyof Methods>(method: M, ...args: Parameters<Methods[M]>): Promise<ReturnType<Methods[M]>> {
    return call(this.server, this.limits, method, ...args);
  }

  /** The exit status for a fault; `ignored` is one that is as good as success. */
  statusOf(fault: number, ignored?: number): void {
    if (fault === ignored || fault === FAULTS.SUCCESS) return;
    this.exitStatus = DEAD.includes(fault) ? EXIT.notRunning : EXIT.failed;
  }

  /** Whether the server is there and speaks our language; says what is wrong. */
  async upcheck(): Promise<boolean> {
    try {
      const version = await this.call('getVersion');
      if (version === API_VERSION) return true;
      this.output(
        `Sorry, this version of supervisorctl expects to talk to a server with API version ${API_VERSION}, but the remote version is ${version}.`,
      );
      this.exitStatus = EXIT.wrongVersion;
      return false;
    } catch (error) {
      if (error instanceof Fault && error.code === FAULTS.UNKNOWN_METHOD) {
        this.output(NO_INTERFACE);
        this.exitStatus = EXIT.unimplemented;
        return false;
      }
      const code = error instanceof PythonError ? error.code : null;
      if (code !== 'ECONNREFUSED' && code !== 'ENOENT') throw error;
      const refused = code === 'ECONNREFUSED';
      this.output(`${this.server.url} ${refused ? 'refused connection' : 'no such file'}`);
      this.exitStatus = refused ? EXIT.refused : EXIT.notRunning;
      this.hint(this.server.advice);
      return false;
    }
  }

  /** The user does not wait any more. */
  interrupt(): void {
    this.#interrupt.abort();
  }

  get interrupted(): boolean {
    return this.#interrupt.signal.aborted;
  }

  /** Runs a command and prints whatever goes wrong in it. */
  async run(act: () => Promise<void>): Promise<void> {
    if (this.#interrupt.signal.aborted) this.#interrupt = new AbortController();
    try {
      await act();
    } catch (error) {
      if (!(await this.#loggedIn(error))) this.#failed(error);
      else await this.run(act);
    } finally {
      this.#printDocument();
    }
  }

  /** A server that wants a password: who sits there may give it. */
  async #loggedIn(error: unknown): Promise<boolean> {
    if (!(error instanceof ProtocolError) || error.status !== 401 || !this.interactive) return false;
    this.output('Server requires authentication');
    const username = await this.ask('Username:', false);
    const password = username === null ? null : await this.ask('Password:', true);
    if (username === null || password === null) return false;
    this.output('');
    this.server = { ...this.server, username, password };
    return true;
  }

  #failed(error: unknown): void {
    this.exitStatus = EXIT.failed;
    if (error instanceof NoServer) {
      this.exitStatus = EXIT.invalidArguments;
      return this.hint(error.message);
    }
    if (error instanceof Interrupted) {
      this.exitStatus = 130;
      return this.output('');
    }
    if (error instanceof ProtocolError && error.status === 401) {
      if (!this.interactive) this.output('Server requires authentication');
      return this.hint(
        'name a user and a password with -u USER -p PASSWORD, or in [supervisorctl] of the file',
      );
    }
    if (error instanceof Fault) return this.output(`error: <class 'xmlrpc.client.Fault'>, ${error.message}`);
    if (!(error instanceof PythonError)) return this.output(`error: ${(error as Error).message}`);
    this.output(error.line);
    if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') this.hint(this.server.advice);
    if (error.code === 'EACCES')
      this.hint(`you may not connect to ${this.server.url}: it belongs to another user (try sudo)`);
  }

  #printDocument(): void {
    if (!this.flags.json) return;
    const lines = this.#lines;
    const document = this.document ?? { output: lines, exitStatus: this.exitStatus };
    this.#lines = [];
    this.document = null;
    this.io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
}

const DEAD: readonly number[] = [FAULTS.SPAWN_ERROR, FAULTS.ABNORMAL_TERMINATION, FAULTS.NOT_RUNNING];

const NO_INTERFACE =
  'Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl uses to control it.  ' +
  'Please check that the [rpcinterface:supervisor] section is enabled in the configuration file (see sample.conf).';
