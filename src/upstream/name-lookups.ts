// Looks up the host names that requests bring. Clients choose them, so one that takes long may hold up none of the others: the DNS is
// asked without threads (getaddrinfo has two of libuv's four, of which files need the rest), few names at once, each for a limited time.
import { lookup, Resolver } from 'node:dns/promises';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { Deadline, wheel } from '../shared/timer-wheel.ts';

/** Names that may be looked up at once. */
const MAX_AT_ONCE = 256;
/** As many threads as libuv gives to look-ups; what waits for them waits here, where it has an end. */
const MAX_THREADS = 2;
const HOSTS_FILE = '/etc/hosts';

/** `addresses` is empty when there are none: `why` says what was found instead. */
export type OnFound = (addresses: readonly string[], why: string) => void;

/** The addresses of a name; rejects with an error that has a code. */
export type Ask = (name: string) => Promise<readonly string[]>;

interface UnderWay {
  readonly waiting: OnFound[];
  readonly deadline: Deadline;
  /** It took too long: whoever waited was told, and nobody waits any more until it comes to an end. */
  overdue: boolean;
}

export class NameLookups {
  readonly #ask: Ask;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(ask: Ask = (name) => askSystem(name)) {
    this.#ask = ask;
  }

  /** Those who ask for a name while it is looked up share the answer. */
  find(name: string, limitMs: number, onFound: OnFound): void {
    const present = this.#underWay.get(name);
    if (present !== undefined) {
      if (present.overdue) onFound([], tooLong(name, limitMs));
      else present.waiting.push(onFound);
      return;
    }
    if (this.#underWay.size >= MAX_AT_ONCE)
      return onFound([], `"${name}" was not looked up: ${MAX_AT_ONCE} other names of requests are`);
    this.#start(name, limitMs, onFound);
  }

  #start(name: string, limitMs: number, onFound: OnFound): void {
    const deadline = new Deadline(() => {
      one.overdue = true;
      tell(one, [], tooLong(name, limitMs));
    });
    const one: UnderWay = { waiting: [onFound], deadline, overdue: false };
    this.#underWay.set(name, one);
    if (limitMs > 0) wheel.arm(deadline, limitMs);
    const end = (addresses: readonly string[], why: string): void => {
      wheel.remove(deadline);
      this.#underWay.delete(name);
      tell(one, addresses, why);
    };
    this.#ask(name).then(
      (addresses) => end(addresses, ''),
      (error: NodeJS.ErrnoException) =>
        end([], `the host name "${name}" does not resolve (${error.code ?? error.message})`),
    );
  }
}

function tell({ waiting }: UnderWay, addresses: readonly string[], why: string): void {
  for (const onFound of waiting.splice(0)) onFound(addresses, why);
}

function tooLong(name: string, limitMs: number): string {
  return `the host name "${name}" was not resolved within resolver_timeout (${limitMs} ms)`;
}

// The system, in its usual order: the hosts file, the DNS, and what else it has (search domains, other services) for names that the DNS
// says it does not know.

/** `servers` are asked instead of the system's own name servers. */
export async function askSystem(name: string, servers: readonly string[] = []): Promise<readonly string[]> {
  const own = hosts.addressesOf(name);
  if (own.length > 0) return own;
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (found.length > 0) return found;
  for (const answer of answers) {
    // Where nobody answered a thread would be held for as long as the system has patience.
    if (answer.status === 'rejected' && !DEFINITE.has(answer.reason.code)) throw answer.reason;
  }
  return onThread(async () => (await lookup(name, { all: true })).map(({ address }) => address));
}

/** There is no such name, none with an address, or no name server at all. */
const DEFINITE: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']);

let threads = 0;
const line: (() => void)[] = [];

async function onThread<T>(work: () => Promise<T>): Promise<T> {
  if (threads >= MAX_THREADS) await new Promise<void>((resolve) => line.push(resolve));
  else threads++;
  try {
    return await work();
  } finally {
    // The next one in the line takes the place over.
    const next = line.shift();
    if (next === undefined) threads--;
    else next();
  }
}

/** The hosts file, read anew when it has changed. */
class HostsFile {
  #identity = '';
  #addresses = new Map<string, string[]>();

  addressesOf(name: string): readonly string[] {
    this.#refresh();
    return this.#addresses.get(name.toLowerCase()) ?? [];
  }

  #refresh(): void {
    try {
      const stats = statSync(HOSTS_FILE, { throwIfNoEntry: false });
      const identity =
        stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
      if (identity === this.#identity) return;
      this.#addresses = identity === '' ? new Map() : readHosts(readFileSync(HOSTS_FILE, 'latin1'));
      this.#identity = identity;
    } catch {
      // What was read before holds until it can be read again.
    }
  }
}

/** `address name name … # comment`. */
export function readHosts(text: string): Map<string, string[]> {
  const addresses = new Map<string, string[]>();
  for (const each of text.split('\n')) {
    const [address, ...names] = each.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = addresses.get(key);
      if (known === undefined) addresses.set(key, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return addresses;
}

const hosts = new HostsFile();
