// The port that a command line names for its own process: `--port=8001`, `-b :8001`, `runserver 0.0.0.0:8000`, PORT=8001.
import { basename } from 'node:path';
import { splitWords } from './shlex.ts';

/** Options whose value is a port or an address with one. Case counts: `-P` is none of them. */
const OPTION =
  /^(--?(?:port|http[_-]port|server\.port|bind|bind[_-]address|listen|http|http[_-]socket|http[_-]address|addr|address)|-b|-p|-Dserver\.port)(?:=(.*))?$/s;
const JOINED = /^-[pb](\d+|.*:\d+)$/s;
/** `8001`, `:8001`, `127.0.0.1:8001`, `[::1]:8001`, `http://0.0.0.0:8001/`, `tcp://…`; no path and no mapping (`80:8080`). */
const ADDRESS =
  /^(?:(?:https?|tcp):\/\/)?(?:(?:\[[^\]]*\]|\*|[A-Za-z][\w.-]*|\d+\.\d+\.\d+\.\d+)?:)?(\d+)\/?$/;
/** Programs whose -p or --port is that of another server, or none at all. */
const CLIENTS =
  /^(?:ssh|autossh|sshpass|docker|podman|mkdir|redis-cli|psql|mysql|mysqldump|nc|ncat|curl|wget|rq|rqworker)$/;
const SHELL = /^(?:ba|da|z|k)?sh$/;

/** Where a process listens by its command line, else by PORT in its environment; null when that is not said, or said in two ways. */
export function inferPort(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): number | null {
  const ports = new Set(namedPorts(argv, environment).filter((port) => port >= 1 && port <= 65535));
  const [port] = ports;
  return ports.size === 1 ? port : null;
}

/**
 * The one bare number of a command line, as in `python serv.py 8001`; null without. It may be anything: it is a port only where something else
 * says so.
 */
export function loneNumber(argv: readonly string[]): number | null {
  if (argv.slice(0, 3).some((word) => CLIENTS.test(basename(word)))) return null;
  const numbers = argv.filter((word, i) => i > 0 && /^[1-9]\d{0,4}$/.test(word));
  if (numbers.length !== 1 || argv[argv.indexOf(numbers[0], 1) - 1].startsWith('-')) return null;
  return Number(numbers[0]) <= 65535 ? Number(numbers[0]) : null;
}

/** All numbers that stand where a port is written, also those that are none. */
export function namedPorts(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): readonly number[] {
  const named = portsInWords(argv);
  if (/^\d+$/.test(environment.PORT ?? '')) named.push(Number(environment.PORT));
  return named;
}

function portsInWords(argv: readonly string[]): number[] {
  const script = scriptOf(argv);
  if (script !== undefined) {
    const words = splitWords(script);
    return 'problem' in words ? [] : portsInWords(words.map((word) => word.text));
  }
  const names = argv.slice(0, 3).map((word) => basename(word));
  if (names.some((name) => CLIENTS.test(name))) return [];
  const found: number[] = [];
  for (const [i, word] of argv.entries()) {
    const text = i === 0 ? undefined : valueAt(argv, i, word);
    const port = text === undefined ? undefined : ADDRESS.exec(text)?.[1];
    if (port !== undefined) found.push(Number(port));
  }
  return found;
}

/** What may be a port or an address at this word. */
function valueAt(argv: readonly string[], i: number, word: string): string | undefined {
  const m = OPTION.exec(word);
  if (m !== null) return m[2] ?? argv[i + 1];
  const joined = JOINED.exec(word)?.[1];
  if (joined !== undefined) return joined;
  // Django's own server, and Python's.
  const before = argv[i - 1];
  return before === 'runserver' || before === 'http.server' ? word : undefined;
}

/** Of `sh -c 'script'` and `bash -lc 'script'`. */
function scriptOf(argv: readonly string[]): string | undefined {
  if (argv.length < 3 || !SHELL.test(basename(argv[0]))) return undefined;
  const option = argv.findIndex((word, i) => i > 0 && /^-[a-z]*c$/.test(word));
  return option === -1 ? undefined : argv[option + 1];
}
