// Between peers that do everything wrong and clients that do nothing wrong: what a client gets is a whole answer, or visibly none.
import { Lateness } from './busy.ts';
import { EchoPeer } from './echo-peer.ts';
import { FuzzPeer, PeerCases } from './fuzz-peer.ts';
import type { PeerCase } from './peer-case.ts';
import { readAnswers, type SeenAnswer } from './read-answers.ts';
import { fail } from './target.ts';
import { foreignToken, noteToken } from './tokens.ts';
import { type Ask, type Door, Innocent, Wire, warmUp } from './wire.ts';

/** The longest that a request may last: the time-outs of all its attempts, and time for a busy machine. */
const END_MS = 6000;
/** How long a client listens in a tunnel. */
const TUNNEL_MS = 20;
/** Bytes after which a client takes another connection. */
const MOST_BYTES = 200_000;

const INNOCENT: Ask = {
  request: 'GET /innocent HTTP/1.1\r\nHost: a\r\n\r\n',
  isRight: ({ status, body }) => status === 200 && body === 'echo GET /innocent HTTP/1.1',
};

export class PeerField {
  readonly #cases = new PeerCases();
  readonly #peers: FuzzPeer[] = [];
  readonly #echo: EchoPeer;
  readonly #lateness = new Lateness();
  readonly #lanes = new Map<number, Wire>();
  #innocents: readonly Innocent[] = [];
  #door: Door = { host: '', port: 0 };
  #alwaysKeeps = false;
  #count = 0;

  private constructor(echo: EchoPeer) {
    this.#echo = echo;
  }

  /** The first peer is alone, the others are a group. */
  static async start(): Promise<PeerField> {
    const field = new PeerField(await EchoPeer.start('127.0.0.6'));
    for (const host of ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'])
      field.#peers.push(await FuzzPeer.start(host, field.#cases));
    return field;
  }

  get addresses(): { readonly one: string; readonly group: readonly string[]; readonly echo: string } {
    const [one, ...group] = this.#peers.map((peer) => peer.address);
    return { one, group, echo: this.#echo.address };
  }

  /** Where clients go in, and whether a connection goes on where the answer does not say so: behind a handshake that failed, say. */
  async open(door: Door, lanes: number, alwaysKeeps: boolean): Promise<void> {
    this.#door = door;
    this.#alwaysKeeps = alwaysKeeps;
    this.#innocents = Array.from({ length: lanes }, () => new Innocent(door, this.#lateness));
    await warmUp(this.#innocents, [INNOCENT]);
  }

  async run(input: PeerCase, lane: number): Promise<void> {
    noteToken(input.token);
    this.#cases.begin(input);
    try {
      // The innocent one is asked while the other is under way.
      const ends = await Promise.allSettled([this.#request(input, lane), this.#innocent(lane)]);
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    } finally {
      this.#cases.end(input);
    }
  }

  /** Beside every fourth case. */
  async #innocent(lane: number): Promise<void> {
    if (this.#count++ % 4 === 0) await this.#innocents[lane].ask(INNOCENT);
  }

  async #request(input: PeerCase, lane: number): Promise<void> {
    const kept = this.#lanes.get(lane);
    const wire = kept === undefined || kept.closed ? new Wire(this.#door) : kept;
    this.#lanes.delete(lane);
    let keep = false;
    try {
      keep = await exchange(input, wire, {
        alwaysKeeps: this.#alwaysKeeps,
        endMs: END_MS + this.#lateness.slackMs,
      });
    } finally {
      if (keep) this.#lanes.set(lane, wire);
      else wire.reset();
    }
  }

  /** Throws what peers got that was no request. */
  check(): void {
    for (const { wrong } of [...this.#peers, this.#echo]) {
      const [text] = wrong.splice(0);
      if (text !== undefined) fail(`a peer got what is no request: ${JSON.stringify(text)}`);
    }
  }

  close(): void {
    this.#lateness.close();
    for (const wire of this.#lanes.values()) wire.reset();
    for (const innocent of this.#innocents) innocent.close();
    for (const peer of [...this.#peers, this.#echo]) peer.close();
  }
}

/** True when the connection can be used again. */
async function exchange(
  { request, token, body }: PeerCase,
  wire: Wire,
  { alwaysKeeps, endMs }: { readonly alwaysKeeps: boolean; readonly endMs: number },
): Promise<boolean> {
  const before = wire.text.length;
  const hasHead = request.startsWith('HEAD');
  const read = (): SeenAnswer[] => {
    try {
      return readAnswers(wire.text.slice(before), hasHead);
    } catch (error) {
      const { message } = error as Error;
      return fail(`${message}; before it came ${JSON.stringify(wire.text.slice(0, before).slice(-200))}`);
    }
  };
  wire.write(request);
  const isOver = await wire.until(() => lastOf(read())?.whole ?? false, endMs);
  const text = wire.text.slice(before);
  if (!isOver)
    fail(`no end within ${Math.round(endMs)} ms; the client got ${JSON.stringify(text.slice(0, 500))}`);
  const answers = read();
  const last = lastOf(answers);
  if (last?.status === 101) {
    wire.write('\x81\x85\0\0\0\0hello');
    await wire.until(() => false, TUNNEL_MS);
  }
  const foreign = foreignToken(text, token);
  if (foreign !== undefined)
    fail(`got the bytes of another exchange, ${foreign}: ${JSON.stringify(text.slice(0, 1000))}`);
  if (answers.filter(isLast).length > 1)
    fail(`two answers to one request: ${JSON.stringify(text.slice(0, 1000))}`);
  if (body !== null && (last?.status !== 200 || !(last.whole && last.body === (hasHead ? '' : body))))
    fail(
      `a good answer became ${JSON.stringify(text.slice(0, 1000))}; before it came ${JSON.stringify(wire.text.slice(0, before).slice(-400))}`,
    );
  if (last === undefined || !last.whole || last.status === 101 || wire.text.length > MOST_BYTES) return false;
  if (!alwaysKeeps) return !request.includes('Upgrade') && /\nconnection: keep-alive\r/i.test(last.head);
  return !/\nconnection: close/i.test(last.head);
}

const isLast = ({ status }: SeenAnswer): boolean => status >= 200 || status === 101;
const lastOf = (answers: readonly SeenAnswer[]): SeenAnswer | undefined => answers.find(isLast);
