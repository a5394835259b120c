// [unix_http_server] and [inet_http_server]: where commands are taken, and the address of it that programs are told.

import { resolve } from 'node:path';
import { formatPosition } from '../../config/problem.ts';
import type { ControlServerPlan, UserPlan } from '../plan.ts';
import { type IniContext, Names, SectionReader } from './context.ts';
import { toInetAddress, toOctal } from './datatypes.ts';
import { expandUser } from './paths.ts';
import { strip } from './py-text.ts';

const DEFAULT_MODE = 0o700;

/** Supervisor's order: those on ports first. `owner` has the Unix sockets without a chown: whom supervisord would run as. */
export function readServers(cx: IniContext, owner: UserPlan | null): readonly ControlServerPlan[] {
  const readers = [...cx.document.sections.values()].map((section) => new SectionReader(cx, section));
  const of = (kind: string): SectionReader[] =>
    readers.filter(({ section }) => section.name.startsWith(kind));
  return [
    ...of('inet_http_server').flatMap((reader) => readInet(reader) ?? []),
    ...of('unix_http_server').flatMap((reader) => readUnix(reader, owner) ?? []),
  ];
}

/** SUPERVISOR_SERVER_URL: the first Unix socket, else the last port. */
export function serverUrlOf(servers: readonly ControlServerPlan[]): string | null {
  let url: string | null = null;
  for (const { address } of servers) {
    if (address.kind === 'tcp')
      url = `http://${address.host === '' ? 'localhost' : address.host}:${address.port}`;
    else return `unix://${address.path}`;
  }
  return url;
}

function readInet(reader: SectionReader): ControlServerPlan | undefined {
  const login = readLogin(reader);
  if (reader.entry('port') === undefined) return missing(reader, 'port', 'port=127.0.0.1:9001');
  const address = reader.value('port', toInetAddress, reader.cx.env);
  if (address === undefined) return undefined;
  if (login === null && !isLoopback(address.host))
    reader.warn(
      'port',
      'whoever reaches this port can start and stop programs: write username and password, or port=127.0.0.1:…',
    );
  return { address: { kind: 'tcp', ...address }, login, at: formatPosition(reader.section.at) };
}

const isLoopback = (host: string): boolean => /^(?:127\.[\d.]+|localhost|::1|\[::1\])$/i.test(host);

function readUnix(reader: SectionReader, otherwise: UserPlan | null): ControlServerPlan | undefined {
  const { cx } = reader;
  const file = reader.text('file', new Names(cx.env, { here: cx.here }));
  const login = readLogin(reader);
  const owner = readOwner(reader, 'chown', cx.env);
  if (owner !== undefined && 'problem' in owner)
    reader.warn('chown', `${owner.problem}; the socket stays lbproxy's own`);
  const { uid, gid } = owner !== undefined && 'uid' in owner ? owner : (otherwise ?? NO_OWNER);
  const mode = reader.value('chmod', toOctal, cx.env) ?? DEFAULT_MODE;
  if (file === undefined) return missing(reader, 'file', 'file=/run/supervisor.sock');
  const path = resolve(cx.cwd, expandUser(strip(file), cx));
  return { address: { kind: 'unix', path, mode, uid, gid }, login, at: formatPosition(reader.section.at) };
}

function missing(reader: SectionReader, key: string, example: string): undefined {
  reader.cx.report.error(reader.section.at, `[${reader.section.name}] has no ${key}: write ${example}`);
  return undefined;
}

function readLogin(reader: SectionReader): ControlServerPlan['login'] {
  const user = reader.text('username', reader.cx.env);
  const password = reader.text('password', reader.cx.env);
  if (user === undefined && password === undefined) return null;
  if (user !== undefined && password !== undefined) return { user, password };
  const [there, other] = user === undefined ? ['password', 'username'] : ['username', 'password'];
  reader.fail(there, `${other} is missing: write both, or neither`);
  return null;
}

interface Owner {
  readonly uid: number | null;
  readonly gid: number | null;
}

const NO_OWNER: Owner = { uid: null, gid: null };

/** `user` or `user:group`; undefined when it is not written. */
export function readOwner(
  reader: SectionReader,
  key: string,
  names: Names,
): Owner | { readonly problem: string } | undefined {
  const text = reader.text(key, names);
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  const userName = colon === -1 ? text : text.slice(0, colon);
  const { accounts } = reader.cx;
  const user = accounts.user(userName);
  if (user === undefined)
    return { problem: `there is no user "${userName}" on this system: create it, or correct the name` };
  if (colon === -1) return { uid: user.uid, gid: null };
  const groupName = text.slice(colon + 1);
  const gid = accounts.group(groupName);
  if (gid === undefined)
    return { problem: `there is no group "${groupName}" on this system: create it, or correct the name` };
  return { uid: user.uid, gid };
}
