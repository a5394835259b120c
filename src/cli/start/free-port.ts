// Ports that are free: those that were named have to be, others are looked for.
import { createServer } from 'node:net';
import { holderOfPort } from '../../supervise/port-probe.ts';

/** Why one cannot listen there: the system's word. Undefined where one can. */
export function whyNotFree(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** There is no such address here: a machine without IPv6. */
const ABSENT: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

export async function hasIpv6(): Promise<boolean> {
  return (await whyNotFree('::1', 0)) === undefined;
}

/** The addresses that `host` means, as `Front` has it. */
function hostsOf(host: string): readonly string[] {
  if (host === 'localhost') return ['127.0.0.1', '::1'];
  return host === '' ? ['0.0.0.0', '::'] : [host.replace(/^\[|\]$/g, '')];
}

/** A sentence for a port that cannot be listened on; undefined where it can. */
export async function whyPortUnusable(host: string, port: number): Promise<string | undefined> {
  const hosts = hostsOf(host);
  for (const each of hosts) {
    const code = await whyNotFree(each, port);
    // One of two families may not be there.
    if (code === undefined || (ABSENT.has(code) && hosts.length > 1)) continue;
    if (code === 'EADDRINUSE') {
      const holder = await holderOfPort(port);
      return `port ${port} is taken by ${holder?.text ?? 'another process'}: stop that, or name another port`;
    }
    if (code === 'EACCES')
      return `port ${port} is one of those below 1024, which only root may listen on: name another port, or start lbproxy as root`;
    return `cannot listen on ${each}:${port} (${code}): name an address of this machine`;
  }
  return undefined;
}

/** How many ports are looked at. */
const MOST = 200;

/** The first of `count` consecutive ports that nobody has, from `from` on; undefined where there are none near. */
export async function freePorts(
  host: string,
  from: number,
  count: number,
  taken: ReadonlySet<number> = new Set(),
): Promise<number | undefined> {
  for (let first = from; first < from + MOST && first + count <= 65_536; ) {
    const wrong = await firstTaken(host, first, count, taken);
    if (wrong === undefined) return first;
    first = wrong + 1;
  }
  return undefined;
}

async function firstTaken(
  host: string,
  first: number,
  count: number,
  taken: ReadonlySet<number>,
): Promise<number | undefined> {
  for (let port = first; port < first + count; port++)
    if (taken.has(port) || (await whyPortUnusable(host, port)) !== undefined) return port;
  return undefined;
}
