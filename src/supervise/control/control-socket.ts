// Opening and closing the listening socket of a control server. A Unix socket gets its rights before it has its name: it is made in a
// directory of lbproxy's user alone and then linked to its place, which fails where something is there already.
import { connect, type ListenOptions, type Server } from 'node:net';
import { chmod, chown, link, lstat, mkdtemp, readFile, rm } from '../../shared/file-calls.ts';
import type { ControlServerPlan } from '../plan.ts';
import { type Holder, holderOfPath, holderOfPort } from '../port-probe.ts';

type UnixAddress = Extract<ControlServerPlan['address'], { readonly kind: 'unix' }>;

/** sun_path of Linux, without its end. */
const MAX_PATH_BYTES = 107;
const CONNECT_TIMEOUT_MS = 1000;
const TRIES = 5;
/** What stands behind the path while a socket is made. */
const MADE = '.XXXXXX/s';

/** Where it listens, as a person writes it. */
export function addressText(address: ControlServerPlan['address']): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${address.host === '' ? '*' : address.host}:${address.port}`;
}

/** Rejects with a text that names the place, the cause and the next step. Resolves with what takes a Unix socket away again. */
export async function openSocket(server: Server, plan: ControlServerPlan): Promise<() => Promise<void>> {
  const { address } = plan;
  try {
    if (address.kind === 'unix') return await openUnix(server, address);
    await listen(server, { port: address.port, ...(address.host === '' ? {} : { host: address.host }) });
    return async () => {};
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    const taken = address.kind === 'tcp' && code === 'EADDRINUSE';
    const why = taken
      ? await takenText(address.port)
      : error instanceof Error
        ? error.message
        : String(error);
    // lbproxy's own stands in no file.
    const place = plan.at === '' ? '' : `${plan.at}: `;
    throw new Error(`${place}the control server cannot listen on ${addressText(address)}: ${why}`);
  }
}

async function takenText(port: number): Promise<string> {
  const holder = await holderOfPort(port);
  return `${holder?.text ?? 'another process'} listens there; end it, or choose another port`;
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...options, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function openUnix(server: Server, address: UnixAddress): Promise<() => Promise<void>> {
  const { path } = address;
  if (Buffer.byteLength(`${path}${MADE}`) > MAX_PATH_BYTES)
    throw new Error(
      `the path is too long for a Unix socket; ${MAX_PATH_BYTES - MADE.length} bytes are possible`,
    );
  // A name that nobody can know before, as the directory may be one that all can write, such as /tmp.
  const directory = await mkdtemp(`${path}.`);
  const made = `${directory}/s`;
  try {
    await listen(server, { path: made });
    await setRights(made, address);
    await putInPlace(made, path);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const { ino, dev } = await lstat(path);
  return async () => {
    const there = await lstat(path).catch(() => null);
    if (there?.ino === ino && there.dev === dev) await rm(path, { force: true });
  };
}

/** Also of a socket that listens already. */
export async function setRights(path: string, { mode, uid, gid }: UnixAddress): Promise<void> {
  if (uid !== null || gid !== null) {
    const { uid: hasUid, gid: hasGid } = await lstat(path);
    await chown(path, uid ?? hasUid, gid ?? hasGid).catch((error: NodeJS.ErrnoException) => {
      throw new Error(
        `its owner cannot be set to ${uid ?? hasUid}:${gid ?? hasGid} (${error.code ?? error.message}); ` +
          'start lbproxy as root, or leave the owner away',
      );
    });
  }
  await chmod(path, mode);
}

async function putInPlace(made: string, path: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      return await link(made, path);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
    }
    const there = await lstat(path).catch(() => null);
    if (there === null) continue;
    if (!there.isSocket())
      throw new Error('there is a file that is no socket; remove it, or choose another path');
    if (await answers(path)) {
      const holder = (await holderOfPath(path)) ?? (await holderOfLink(path, made));
      throw new Error(`${holder?.text ?? 'another process'} listens there; end it, or choose another path`);
    }
    await rm(path, { force: true });
  }
  throw new Error('another process makes its socket there at the same time; choose another path');
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: CONNECT_TIMEOUT_MS });
    const finish = (live: boolean): void => {
      socket.destroy();
      resolve(live);
    };
    socket.once('connect', () => finish(true));
    // Too busy to accept is alive too.
    socket.once('timeout', () => finish(true));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => finish(code === 'EAGAIN'));
  });
}

/**
 * Supervisor makes a socket as `PATH.PID` before it links it, lbproxy as above, and the system knows it by that name. The one that was just
 * `made` here is among them, and is meant only where there is no other.
 */
async function holderOfLink(path: string, made: string): Promise<Holder | undefined> {
  const table = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  const names = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/).slice(7).join(' '))
    .filter((name) => name.startsWith(`${path}.`) && /^(?:\d+|\w{6}\/s)$/.test(name.slice(path.length + 1)));
  const name = names.find((other) => other !== made) ?? names.at(0);
  return name === undefined ? undefined : holderOfPath(name);
}
