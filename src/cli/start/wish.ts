// The one-line commands as they were typed: lbproxy 3000, lbproxy --from … --to …, lbproxy run, lbproxy serve.
import { isIP } from 'node:net';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Where clients come. */
export interface Front {
  /** '' = all addresses; `localhost` = both of its addresses. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** A name that is no address of this machine: what clients call the site. */
  readonly name: string;
  /** As it was typed; null = nobody named it. */
  readonly text: string | null;
}

/** Where requests go. */
export interface Target {
  readonly secure: boolean;
  /** `host:port`, or `unix:path`. */
  readonly address: string;
  /** Path of the URL; '' or of a single target. */
  readonly path: string;
}

export type StartWish = {
  readonly fronts: readonly Front[];
  /** What is for development is on. */
  readonly dev: boolean;
  /** The configuration is printed, and nothing started. */
  readonly print: 'json' | 'nginx' | null;
} & (
  | { readonly kind: 'proxy'; readonly targets: readonly Target[] }
  | { readonly kind: 'run'; readonly processes: number; readonly command: readonly string[] }
  | { readonly kind: 'files'; readonly directory: string; readonly spa: boolean }
);

/** The port that is taken where nobody names one; the next free one if it is not free. */
export const USUAL_PORT = 8080;

const COMMON = {
  from: { type: 'string', multiple: true },
  dev: { type: 'boolean' },
  'no-dev': { type: 'boolean' },
  print: { type: 'boolean' },
  nginx: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

const OPTIONS = {
  ...COMMON,
  to: { type: 'string', multiple: true },
  processes: { type: 'string', short: 'n' },
  spa: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

export const START_USAGE = `lbproxy 3000                                  the app on port 3000 behind http://localhost:8080, for development
lbproxy --from ADDRESS --to ADDRESS [--to …]  a proxy in front of one app or several
lbproxy run [-n 4] -- COMMAND …               starts the app n times, each with a port of its own, and balances
lbproxy serve DIRECTORY [--spa]               static files; --spa: what is no file is index.html

  --from ADDRESS   where clients come: 8080, :8443, 127.0.0.1:8080, https://app.localhost. Default: localhost:8080, or the next
                   free port. https:// and the ports 443 and 8443 have TLS, with a certificate of their own
  --to ADDRESS     where requests go: 3000, localhost:3000, http://10.0.0.7:3000, unix:/run/app.sock
  -n N             how many processes; {port} in the command is the port of each, PORT in its environment too
  --dev, --no-dev  what is for development: request lines, causes on error pages. lbproxy PORT has it on
  --print          print the configuration instead of starting it; with --nginx as nginx.conf`;

/** Whether a command line is one of these. */
export function isStart([first, ...rest]: readonly string[]): boolean {
  if (first === undefined) return false;
  const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  return (
    first === 'run' ||
    first === 'serve' ||
    /^\d{1,5}$/.test(first) ||
    [first, ...own].some((word) => /^--(?:from|to)(?:=|$)/.test(word))
  );
}

/** What is wanted; a text says what is wrong with the command line. */
export function readStart(args: readonly string[], dev: boolean): StartWish | 'help' | string {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return (error as Error).message;
  }
  const { values, own, command } = parsed;
  if (values.help) return 'help';
  if (values.dev && values['no-dev']) return '--dev and --no-dev exclude each other: leave one of them out';
  const fronts = (values.from ?? []).map(readFront);
  const wrong = fronts.find((front) => typeof front === 'string');
  if (wrong !== undefined) return wrong;
  const [first, ...more] = own;
  const isPort = first !== undefined && /^\d{1,5}$/.test(first);
  const common = {
    fronts: fronts as Front[],
    dev: values['no-dev'] !== true && (dev || values.dev === true || isPort),
    print: values.print === true ? (values.nginx === true ? ('nginx' as const) : ('json' as const)) : null,
  };
  const [stray] = strays(parsed);
  if (stray !== undefined) return stray;
  if (first === 'run') return readRun(common, more, command, values.processes);
  if (first === 'serve') return readServe(common, more, values.spa === true);
  return readProxy(common, own, values.to ?? []);
}

function parse(args: readonly string[]) {
  const end = args.indexOf('--');
  const before = end === -1 ? args : args.slice(0, end);
  const { values, positionals } = parseArgs({ args: [...before], allowPositionals: true, options: OPTIONS });
  return { values, own: positionals, command: end === -1 ? null : args.slice(end + 1) };
}

/** Options that another command has. */
function strays({ values, own: [first], command }: ReturnType<typeof parse>): string[] {
  const found: string[] = [];
  if (values.to !== undefined && (first === 'run' || first === 'serve'))
    found.push(`--to has no meaning with ${first}: leave it out`);
  if (values.processes !== undefined && first !== 'run')
    found.push('-n goes with: lbproxy run -n 4 -- COMMAND');
  if (values.spa && first !== 'serve') found.push('--spa goes with: lbproxy serve DIRECTORY --spa');
  if (command !== null && first !== 'run') found.push('a command goes with: lbproxy run -- COMMAND');
  if (values.nginx && !values.print) found.push('--nginx goes with --print');
  return found;
}

type Common = Pick<StartWish, 'fronts' | 'dev' | 'print'>;

function readRun(
  common: Common,
  more: readonly string[],
  command: readonly string[] | null,
  count: string | undefined,
): StartWish | string {
  const words = command ?? [];
  if (words.length === 0 || more.length > 0)
    return `the command stands behind "--": lbproxy run -- ${[...more, ...words].join(' ') || 'python3 app.py --port={port}'}`;
  const processes = count === undefined ? 1 : Number(count);
  if (!Number.isInteger(processes) || processes < 1 || processes > 1000)
    return `-n ${count}: write how many processes, from 1 to 1000`;
  return { ...common, kind: 'run', processes, command: words };
}

function readServe(common: Common, [directory, more]: readonly string[], spa: boolean): StartWish | string {
  if (directory === undefined) return 'serve what? lbproxy serve DIRECTORY, or lbproxy serve .';
  if (more !== undefined) return `too many directories: ${directory} and ${more}; name one`;
  return { ...common, kind: 'files', directory, spa };
}

function readProxy(common: Common, own: readonly string[], to: readonly string[]): StartWish | string {
  const other = own.find((word) => !/^\d{1,5}$/.test(word));
  if (other !== undefined)
    return `"${other}" is no port: lbproxy 3000, or lbproxy --from ADDRESS --to ADDRESS`;
  const targets = [...own, ...to].map(readTarget);
  const wrong = targets.find((target) => typeof target === 'string');
  if (wrong !== undefined) return wrong;
  const all = targets as Target[];
  if (all.length === 0) return 'where shall requests go? add --to localhost:3000';
  if (new Set(all.map(({ secure }) => secure)).size > 1)
    return 'some targets are https:// and others are not: write all of them alike';
  if (all.length > 1 && all.some(({ path }) => path !== ''))
    return 'of several targets none can have a path: leave the paths out';
  return { ...common, kind: 'proxy', targets: all };
}

const ADDRESS = /^(?:(https?):\/\/)?(\[[^\]]+\]|[^:/[\]]*)(?::(\d{1,5}))?\/?$/;

export function readFront(text: string): Front | string {
  const bare = /^\d{1,5}$/.test(text) ? `:${text}` : text;
  const [, scheme, host = '', digits] = ADDRESS.exec(bare) ?? [];
  const say = `--from ${text}: write a port, :8443, 127.0.0.1:8080 or https://app.localhost`;
  if ((host === '' && digits === undefined) || /\s/.test(host)) return say;
  const port = digits === undefined ? (scheme === 'https' ? 443 : 80) : Number(digits);
  if (port < 1 || port > 65_535) return `--from ${text}: a port is a number from 1 to 65535`;
  const secure = scheme === 'https' || (scheme === undefined && (port === 443 || port === 8443));
  const address = host.replace(/^\[|\]$/g, '');
  if (address === '' || address === '*') return { host: '', port, secure, name: '', text };
  if (isIP(address) !== 0) return { host, port, secure, name: '', text };
  const isLocal = address === 'localhost' || address.endsWith('.localhost');
  return { host: isLocal ? 'localhost' : '', port, secure, name: address, text };
}

const TARGET = /^(?:(https?):\/\/)?(\[[^\]]+\]|[^:/[\]]+)(?::(\d{1,5}))?(\/.*)?$/;

export function readTarget(text: string): Target | string {
  if (/^unix:./.test(text)) return { secure: false, address: text, path: '' };
  const full = /^:?\d{1,5}$/.test(text) ? `localhost:${text.replace(':', '')}` : text;
  const match = TARGET.exec(full);
  if (match === null || /[\s;{}"'\\$]/.test(full))
    return `--to ${text}: write a port, localhost:3000, http://10.0.0.7:3000 or unix:/run/app.sock`;
  const [, scheme, host, digits, path = ''] = match;
  const port = Number(digits ?? (scheme === 'https' ? 443 : 80));
  if (port < 1 || port > 65_535) return `--to ${text}: a port is a number from 1 to 65535`;
  return { secure: scheme === 'https', address: `${host}:${port}`, path: path === '/' ? '' : path };
}
