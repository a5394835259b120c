// The socket of an [fcgi-program:x], which all its processes have as stdin.
import { normalize } from 'node:path';
import type { SharedSocketPlan } from '../plan.ts';
import { Names, type SectionReader } from './context.ts';
import { toInteger, toOctal } from './datatypes.ts';
import { wholeNumber } from './py-text.ts';
import { readOwner } from './servers.ts';

export interface SharedSocketResult {
  readonly socket: SharedSocketPlan | null;
  /** Why its processes cannot be started; else null. */
  readonly problem: string | null;
}

const DEFAULT_MODE = 0o700;

export function readSharedSocket(reader: SectionReader, names: Names, program: string): SharedSocketResult {
  const backlog = reader.value('socket_backlog', toInteger, names) ?? null;
  if (backlog !== null && (backlog < 1 || backlog > 65535))
    reader.fail('socket_backlog', `${backlog} is out of range: write 1 to 65535`);
  const owner = readOwner(reader, 'socket_owner', names);
  const problem = owner !== undefined && 'problem' in owner ? owner.problem : null;
  if (problem !== null) reader.warn('socket_owner', `${problem}; until then it is not started`);
  const mode = reader.value('socket_mode', toOctal, names);
  const text = reader.text('socket', new Names(names, { program_name: program }));
  if (text === undefined || text === '') {
    reader.cx.report.error(
      reader.at('socket'),
      `[${reader.section.name}] has no socket: write socket=unix:///run/${program}.sock or socket=tcp://127.0.0.1:9000`,
    );
    return { socket: null, problem };
  }
  if (text.startsWith('unix://')) {
    const ids =
      owner !== undefined && 'uid' in owner ? owner : defaultOwner(reader, names, owner !== undefined);
    return {
      socket: unixSocket(reader, text.slice(7), { mode: mode ?? DEFAULT_MODE, ...ids }, backlog),
      problem,
    };
  }
  for (const key of ['socket_owner', 'socket_mode'])
    if (reader.entry(key) !== undefined) reader.fail(key, 'only a unix:// socket has it: remove the line');
  return { socket: tcpSocket(reader, text, backlog), problem };
}

interface FileFacts {
  readonly mode: number;
  readonly uid: number | null;
  readonly gid: number | null;
}

/** Without socket_owner it is the user of the program, if that is another one than lbproxy's. */
function defaultOwner(
  reader: SectionReader,
  names: Names,
  isWritten: boolean,
): Pick<FileFacts, 'uid' | 'gid'> {
  const text = isWritten ? undefined : reader.text('user', names);
  const user = text === undefined ? undefined : reader.cx.accounts.user(text);
  if (user === undefined || user.uid === process.getuid?.()) return { uid: null, gid: null };
  return { uid: user.uid, gid: user.gid };
}

function unixSocket(
  reader: SectionReader,
  path: string,
  facts: FileFacts,
  backlog: number | null,
): SharedSocketPlan | null {
  if (!path.startsWith('/')) {
    reader.fail('socket', `${path} is no absolute path: write unix:///…`);
    return null;
  }
  const full = normalize(path).replace(/(.)\/$/, '$1');
  return { url: `unix://${full}`, address: { kind: 'unix', path: full, ...facts }, backlog };
}

function tcpSocket(reader: SectionReader, text: string, backlog: number | null): SharedSocketPlan | null {
  const m = /^tcp:\/\/([^\s:]+):(\d+)$/.exec(text);
  const port = m === null ? undefined : wholeNumber(m[2]);
  if (m === null || port === undefined || port < 1 || port > 65535) {
    reader.fail('socket', `"${text}" is no socket: write unix:///run/app.sock or tcp://127.0.0.1:9000`);
    return null;
  }
  const host = m[1].toLowerCase();
  return { url: `tcp://${host}:${port}`, address: { kind: 'tcp', host, port }, backlog };
}
