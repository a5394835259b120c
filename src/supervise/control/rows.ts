// The directive of control servers: where supervisorctl, `lbproxy ctl -s` and XML-RPC find lbproxy, besides its own socket.
import { isIP } from 'node:net';
import type { Settings } from '../../config/model.ts';
import { formatPosition } from '../../config/problem.ts';
import { list, type ReadContext, type Row, type SettingRow } from '../../config/row.ts';
import { parseCount } from '../../config/units.ts';
import type { ControlServerPlan } from '../plan.ts';

declare module '../../config/model.ts' {
  interface Settings {
    /** Besides lbproxy's own socket, in the order of the file. */
    readonly controlServers: readonly ControlServerPlan[];
  }
}

type Words = Parameters<SettingRow['read']>[0];
type Address = ControlServerPlan['address'];

const OWNER_ALONE = 0o600;

function readAddress(text: string, cx: ReadContext): Address | undefined {
  if (text.startsWith('unix:') && text.length > 'unix:'.length)
    return {
      kind: 'unix',
      path: cx.resolvePath(text.slice('unix:'.length)),
      mode: OWNER_ALONE,
      uid: null,
      gid: null,
    };
  const m = /^(?:(\[[^\]]+\]|[^:]+):)?(\d+)$/.exec(text);
  const port = m === null ? undefined : parseCount(m[2], 1, 65535);
  return port === undefined
    ? undefined
    : { kind: 'tcp', host: (m?.[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function readControl(words: Words, cx: ReadContext): ControlServerPlan | undefined {
  const [where, ...more] = words;
  let address = readAddress(where.text, cx);
  if (address === undefined)
    return cx.problems.error(
      where.at,
      `"control": "${where.text}" is neither an address such as 127.0.0.1:9001 nor unix:/path`,
    );
  const given = new Map<string, string>();
  for (const word of more) {
    const m = /^(user|password|mode)=(.*)$/s.exec(word.text);
    if (m === null)
      return cx.problems.error(
        word.at,
        `"control": "${word.text}" is none of user=name, password=text, mode=octal`,
      );
    given.set(m[1], m[2]);
  }
  const mode = given.get('mode');
  if (mode !== undefined) {
    if (address.kind !== 'unix' || !/^0?[0-7]{3}$/.test(mode))
      return cx.problems.error(
        where.at,
        `"control": mode=${mode} is for Unix sockets, and octal, such as mode=0660`,
      );
    address = { ...address, mode: Number.parseInt(mode, 8) };
  }
  const [user, password] = [given.get('user'), given.get('password')];
  if ((user === undefined) !== (password === undefined))
    return cx.problems.error(where.at, '"control" needs both user= and password=, or none of them');
  if (address.kind === 'tcp' && user === undefined && !isLoopback(address.host))
    return cx.problems.error(
      where.at,
      `"control": whoever reaches ${where.text} could stop and start programs: add user= and password=, or listen on 127.0.0.1`,
    );
  const login = user === undefined || password === undefined ? null : { user, password };
  return { address, login, at: formatPosition(where.at) };
}

export const controlRows: readonly Row[] = [
  list('controlServers', {
    name: 'control',
    contexts: ['main'],
    args: [1, 4],
    syntax: 'address | unix:path [user=name password=text] [mode=octal]',
    doc:
      "Where supervisorctl, lbproxy ctl -s and Supervisor's XML-RPC reach lbproxy, besides its own socket in state_path. A password may be " +
      '{SHA} and 40 hex digits. Beyond loopback it is needed; a Unix socket is for its owner (mode 0600) unless told.',
    read: readControl,
  }),
];

export const controlDefaults = { controlServers: [] } as const satisfies Partial<Settings>;
