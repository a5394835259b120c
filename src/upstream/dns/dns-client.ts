// Asks name servers for the addresses of hosts, as nginx's resolver does: both families at once, one name server after the other, answers
// kept for as long as they say. Who waits for a name shares one question.
import { randomInt } from 'node:crypto';
import { Deadline, wheel } from '../../shared/timer-wheel.ts';
import { A, AAAA, type AddressType, type Answer, encodeQuestion, NO_SUCH_HOST, SAYS } from './message.ts';
import { type NameServer, NameServerWire } from './wire.ts';

export interface DnsSettings {
  readonly servers: readonly NameServer[];
  /** How long an answer holds; 0 = as it says itself. */
  readonly validMs: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** `addresses` is empty where there are none: `why` says what was found instead. `validMs`: for so long. */
export type OnResolved = (addresses: readonly string[], why: string, validMs: number) => void;

/** Without an answer the next name server is asked. */
const RESEND_MS = 5000;
/** Of names that lead to names. */
const MAX_CNAMES = 50;
/** Clients may choose the names. */
const MAX_KEPT = 4096;
const MAX_AT_ONCE = 1024;

interface Waiter {
  readonly onResolved: OnResolved;
  readonly deadline: Deadline;
  /** How many names have led to others so far. */
  cnames: number;
}

interface Kept {
  readonly addresses: readonly string[];
  /** The name that it is another one for; '' = none. */
  readonly cname: string;
  readonly untilMs: number;
}

/** A name that is asked for. */
class Pending {
  readonly name: string;
  readonly waiters = new Set<Waiter>();
  readonly questions = new Map<AddressType, Buffer>();
  /** What came of a family; undefined while nothing did. */
  readonly found = new Map<AddressType, readonly string[]>();
  code = 0;
  ttl = Number.MAX_SAFE_INTEGER;
  server = 0;
  readonly resend: Deadline;

  constructor(name: string, onSilence: () => void) {
    this.name = name;
    this.resend = new Deadline(onSilence);
  }
}

let clientCount = 0;

export class DnsClient {
  /** Of no other client. */
  readonly id = ++clientCount;
  readonly #settings: DnsSettings;
  readonly #wires: readonly NameServerWire[];
  readonly #kept = new Map<string, Kept>();
  readonly #pending = new Map<string, Pending>();
  /** Which name server is asked next. */
  #turn = 0;

  constructor(settings: DnsSettings) {
    this.#settings = settings;
    this.#wires = settings.servers.map(
      (server, i) => new NameServerWire(server, (answer) => this.#take(answer, i)),
    );
  }

  /** Calls back at once where the answer is known. */
  resolve(given: string, limitMs: number, onResolved: OnResolved): void {
    const name = given.toLowerCase().replace(/\.$/, '');
    const deadline = new Deadline(() => {
      this.#leave(waiter);
      onResolved([], `${name} could not be resolved (110: Operation timed out)`, 0);
    });
    const waiter: Waiter = { onResolved, deadline, cnames: 0 };
    this.#find(name, [waiter], limitMs);
  }

  #find(name: string, waiters: readonly Waiter[], limitMs: number): void {
    const kept = this.#kept.get(name);
    if (kept !== undefined && kept.untilMs > performance.now()) {
      if (kept.cname === '') return this.#tell(waiters, kept);
      return this.#follow(kept.cname, waiters, limitMs);
    }
    let pending = this.#pending.get(name);
    if (pending === undefined) {
      pending = this.#ask(name);
      if (pending === undefined) return this.#fail(name, waiters, 1);
    }
    for (const waiter of waiters) {
      pending.waiters.add(waiter);
      if (limitMs > 0 && waiter.deadline.at === 0) wheel.arm(waiter.deadline, limitMs);
    }
  }

  #follow(name: string, waiters: readonly Waiter[], limitMs: number): void {
    const isLost = (waiter: Waiter): boolean => ++waiter.cnames > MAX_CNAMES;
    const lost = waiters.filter(isLost);
    if (lost.length > 0) this.#fail(name, lost, NO_SUCH_HOST);
    const rest = waiters.filter((waiter) => !lost.includes(waiter));
    if (rest.length > 0) this.#find(name, rest, limitMs);
  }

  /** undefined: it is no name, or too many are asked for. */
  #ask(name: string): Pending | undefined {
    const { ipv4, ipv6 } = this.#settings;
    const pending = new Pending(name, () => this.#askAgain(pending));
    for (const type of [A, AAAA] as const) {
      if (type === A ? !ipv4 : !ipv6) pending.found.set(type, []);
      else {
        const question = encodeQuestion(randomInt(0x10000), name, type);
        if (question === null || this.#pending.size >= MAX_AT_ONCE) return undefined;
        pending.questions.set(type, question);
      }
    }
    this.#pending.set(name, pending);
    pending.server = this.#nextServer();
    this.#send(pending);
    return pending;
  }

  #nextServer(): number {
    const turn = this.#turn;
    this.#turn = (turn + 1) % this.#wires.length;
    return turn;
  }

  #send(pending: Pending): void {
    const wire = this.#wires[pending.server];
    for (const [type, question] of pending.questions) if (!pending.found.has(type)) wire.send(question);
    wheel.arm(pending.resend, RESEND_MS);
  }

  #askAgain(pending: Pending): void {
    pending.server = (pending.server + 1) % this.#wires.length;
    this.#send(pending);
  }

  #leave(waiter: Waiter): void {
    for (const pending of this.#pending.values()) {
      pending.waiters.delete(waiter);
      if (pending.waiters.size === 0) this.#drop(pending);
    }
    wheel.remove(waiter.deadline);
  }

  #drop(pending: Pending): void {
    this.#pending.delete(pending.name);
    wheel.remove(pending.resend);
    if (this.#pending.size === 0) for (const wire of this.#wires) wire.rest();
  }

  #take(answer: Answer, server: number): void {
    const pending = this.#pending.get(answer.name);
    const type = answer.type === A || answer.type === AAAA ? answer.type : undefined;
    const question = type === undefined ? undefined : pending?.questions.get(type);
    if (pending === undefined || type === undefined || question === undefined) return;
    if (pending.found.has(type) || question.readUInt16BE(0) !== answer.id) return;
    if (answer.truncated) return this.#wires[server].sendWhole(question);
    if (answer.code === 0 && answer.records > 0) pending.ttl = Math.min(pending.ttl, answer.ttl);
    else if (answer.code !== 0) pending.code ||= answer.code;
    pending.found.set(type, answer.addresses);
    if (pending.found.size < 2) return;
    this.#settle(pending, answer);
  }

  /** Both families have answered, `last` at last: an error of either is one of both, as nginx has it. */
  #settle(pending: Pending, last: Answer): void {
    const { name, code, found, waiters } = pending;
    const addresses = [...(found.get(A) ?? []), ...(found.get(AAAA) ?? [])];
    const all = [...waiters];
    this.#drop(pending);
    if (code !== 0) return this.#fail(name, all, code);
    if (addresses.length === 0 && last.cname === '') return this.#fail(name, all, NO_SUCH_HOST);
    const { validMs } = this.#settings;
    const untilMs = performance.now() + (validMs > 0 ? validMs : pending.ttl * 1000);
    const kept = { addresses, cname: addresses.length > 0 ? '' : last.cname.toLowerCase(), untilMs };
    this.#keep(name, kept);
    if (kept.cname === '') return this.#tell(all, kept);
    this.#follow(kept.cname, all, 0);
  }

  #keep(name: string, kept: Kept): void {
    this.#kept.delete(name);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_KEPT) this.#kept.delete(oldest);
    this.#kept.set(name, kept);
  }

  #tell(waiters: readonly Waiter[], { addresses, untilMs }: Kept): void {
    const validMs = Math.max(0, untilMs - performance.now());
    for (const { deadline, onResolved } of waiters) {
      wheel.remove(deadline);
      onResolved(addresses, '', validMs);
    }
  }

  #fail(name: string, waiters: readonly Waiter[], code: number): void {
    const why = `${name} could not be resolved (${code}: ${SAYS[code] ?? 'Unknown error'})`;
    for (const { deadline, onResolved } of waiters) {
      wheel.remove(deadline);
      onResolved([], why, 0);
    }
  }
}

const clients = new Map<string, DnsClient>();
/** Of all configurations that there were. */
const MAX_CLIENTS = 64;

/** The same client for the same settings, whichever configuration has them. */
export function dnsClientOf(settings: DnsSettings): DnsClient {
  const key = JSON.stringify(settings);
  let client = clients.get(key);
  if (client === undefined) {
    client = new DnsClient(settings);
    const [oldest] = clients.keys();
    if (clients.size >= MAX_CLIENTS) clients.delete(oldest);
    clients.set(key, client);
  }
  return client;
}
