// Starts lbproxy so that it can be counted: with the probe in its acceptor, and with further flags of V8.
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Contender } from '../contenders/contender.ts';
import { CHECKOUT, lbproxyOf } from '../contenders/lbproxy.ts';
import type { Heap } from './probe.ts';

const PROBE = new URL('./probe.ts', import.meta.url).href;

/** The build in whose directory `main` lies, that of the checkout without; its acceptor started by Node with these flags more. */
export function countedLbproxy(main: string | undefined, flags: readonly string[]): Contender {
  const build = lbproxyOf(main === undefined ? CHECKOUT : dirname(dirname(main)), 'lbproxy');
  return {
    ...build,
    command: (setup, place) => {
      const [node, ...words] = build.command(setup, place);
      const told = [`LBPROXY_PROBE=${probePath(place.dir)}`, `LBPROXY_PROBE_FLAGS=${flags.join(' ')}`];
      // A process writes there as it ends, when the tests may be clearing that directory away.
      return ['env', '-u', 'NODE_COMPILE_CACHE', ...told, node, `--import=${PROBE}`, ...words];
    },
  };
}

const probePath = (dir: string): string => join(dir, 'probe.sock');

/** The probe of an instance's acceptor or primary. One connection for all questions: a new one would cost as much memory as a hundred requests. */
export class Probe {
  readonly #socket: Socket;
  #text = '';
  #answered: (text: string) => void = () => {};
  #failed: (error: Error) => void = () => {};

  /** `dir`: where the instance lives. */
  constructor(dir: string, of: 'acceptor' | 'primary' = 'acceptor') {
    this.#socket = connect(of === 'acceptor' ? probePath(dir) : `${probePath(dir)}.primary`);
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (part: string) => {
      this.#text += part;
      if (this.#text.endsWith('\n')) this.#answered(this.#text);
    });
    this.#socket.on('error', (error) => this.#failed(error));
    this.#socket.on('close', () => this.#failed(new Error('the probe has gone')));
  }

  #ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#text = '';
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(`${command}\n`);
    });
  }

  async heap(): Promise<Heap> {
    return JSON.parse(await this.#ask('heap'));
  }

  /** The same behind a collection of the young generation, or of all. */
  async collect(what: 'minor' | 'major'): Promise<Heap> {
    return JSON.parse(await this.#ask(what));
  }

  /** Begins to sample where the acceptor's JavaScript is; the function returned ends it, with the profile in a file. */
  async startProfile(): Promise<(file: string) => Promise<void>> {
    await this.#ask('start');
    return async (file) => {
      await this.#ask(`stop ${file}`);
    };
  }

  end(): void {
    this.#answered('');
    this.#socket.destroy();
  }
}
