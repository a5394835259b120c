// The sections and keys that Supervisor knows; everything else in a file it ignores in silence.
import { didYouMean } from '../../config/problem.ts';

const SERVER_LOGIN = ['username', 'password'];
const STREAM = [
  'logfile',
  'logfile_maxbytes',
  'logfile_backups',
  'capture_maxbytes',
  'events_enabled',
  'syslog',
];
const PROGRAM: readonly string[] = [
  'command',
  'process_name',
  'numprocs',
  'numprocs_start',
  'priority',
  'autostart',
  'startsecs',
  'startretries',
  'autorestart',
  'exitcodes',
  'stopsignal',
  'stopwaitsecs',
  'stopasgroup',
  'killasgroup',
  'user',
  'redirect_stderr',
  ...STREAM.flatMap((key) => [`stdout_${key}`, `stderr_${key}`]),
  'environment',
  'directory',
  'umask',
  'serverurl',
];

/** What an exact section, or one that begins so, may set; null for anything. */
const SECTIONS: readonly (readonly [name: string, keys: readonly string[] | null])[] = [
  ['program:', PROGRAM],
  ['eventlistener:', [...PROGRAM, 'buffer_size', 'events', 'result_handler']],
  ['fcgi-program:', [...PROGRAM, 'socket', 'socket_backlog', 'socket_owner', 'socket_mode']],
  ['group:', ['programs', 'priority']],
  ['rpcinterface:', null],
  ['ctlplugin:', null],
  ['unix_http_server', ['file', 'chmod', 'chown', ...SERVER_LOGIN]],
  ['inet_http_server', ['port', ...SERVER_LOGIN]],
];
const EXACT: Readonly<Record<string, readonly string[]>> = {
  supervisord: [
    'minfds',
    'minprocs',
    'directory',
    'user',
    'umask',
    'logfile',
    'logfile_maxbytes',
    'logfile_backups',
    'loglevel',
    'pidfile',
    'identifier',
    'nodaemon',
    'silent',
    'childlogdir',
    'nocleanup',
    'strip_ansi',
    'environment',
  ],
  supervisorctl: ['serverurl', ...SERVER_LOGIN, 'prompt', 'history_file'],
  include: ['files'],
};

/** The keys of a section; null when it may have any, undefined when there is no such section. */
export function keysOf(section: string): readonly string[] | null | undefined {
  if (Object.hasOwn(EXACT, section)) return EXACT[section];
  return SECTIONS.find(([name]) => section.startsWith(name))?.[1];
}

/** The header that was probably meant, without brackets. */
export function sectionMeant(section: string, hasCommand: boolean): string | undefined {
  const colon = section.indexOf(':');
  const [kind, rest] = colon === -1 ? [section, ''] : [section.slice(0, colon), section.slice(colon)];
  const bare = kind.trim().toLowerCase();
  const prefixed = SECTIONS.map(([name]) => name).filter((name) => name.endsWith(':'));
  const known =
    rest === ''
      ? [...Object.keys(EXACT), 'unix_http_server', 'inet_http_server']
      : prefixed.map((name) => name.slice(0, -1));
  const near = known.find((name) => name === bare) ?? didYouMean(bare, known);
  if (near !== undefined) return near + rest.trim();
  return hasCommand && rest === '' ? `program:${section}` : undefined;
}

/** A section that does know the key; its name for messages. */
export function sectionWith(key: string): string | undefined {
  const exact = Object.keys(EXACT).find((name) => EXACT[name].includes(key));
  return exact ?? SECTIONS.find(([, keys]) => keys?.includes(key))?.[0].replace(/:$/, ':x');
}
