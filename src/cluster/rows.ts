// Rows of the process as a whole: acceptors, events, pid file, state directory.
import { cpus } from 'node:os';
import type { Settings } from '../config/model.ts';
import { count, ignored, path, type Row, setting, time } from '../config/row.ts';
import { parseCount } from '../config/units.ts';
import type { FaceName } from '../face/face.ts';

declare module '../config/model.ts' {
  interface Settings {
    /** 0 = one per core. */
    readonly acceptors: number;
    readonly workerConnections: number;
    /** 0 = wait as long as it takes. */
    readonly workerShutdownTimeoutMs: number;
    /** '' = a name made from the configuration's path, in the state directory. */
    readonly pidFile: string;
    readonly statePath: string;
    /** No directive sets it: the command line chooses. */
    readonly face: FaceName;
  }
}

export const clusterDefaults = {
  acceptors: 0,
  workerConnections: 10_000,
  workerShutdownTimeoutMs: 30_000,
  pidFile: '',
  statePath: '',
  face: 'lbproxy',
} as const satisfies Partial<Settings>;

export const clusterRows: readonly Row[] = [
  setting('acceptors', {
    name: 'worker_processes',
    aliases: ['acceptors'],
    contexts: ['main'],
    args: [1, 1],
    syntax: 'number | auto',
    default: 'auto',
    doc: 'Acceptor processes; auto = one per core that lbproxy may use: affinity and the CPU limit of a container count.',
    read: (words, cx) => {
      if (words[0].text === 'auto') return 0;
      const n = parseCount(words[0].text, 1, Math.max(64, cpus().length * 4));
      return (
        n ?? cx.problems.error(words[0].at, `"${words[0].text}" is neither "auto" nor a number of processes`)
      );
    },
  }),
  count('workerConnections', {
    name: 'worker_connections',
    contexts: ['events', 'main'],
    min: 1,
    default: '10000',
    doc: 'Client connections an acceptor serves at a time; more are refused.',
  }),
  time('workerShutdownTimeoutMs', {
    name: 'worker_shutdown_timeout',
    contexts: ['main'],
    default: '30s',
    doc: 'How long a graceful stop waits for exchanges under way; 0 = for ever.',
  }),
  path('pidFile', {
    name: 'pid',
    contexts: ['main'],
    doc: 'Where the process id of the primary is written.',
  }),
  path('statePath', {
    name: 'state_path',
    contexts: ['main'],
    default: '$XDG_STATE_HOME/lbproxy or ~/.local/state/lbproxy',
    doc: 'Directory for what is made once and kept: self-signed certificates, the pid file.',
  }),
  {
    kind: 'structure',
    name: 'events',
    contexts: ['main'],
    opens: 'events',
    args: [0, 0],
    syntax: '{ … }',
    doc: 'Settings of connection handling.',
  },
  {
    kind: 'structure',
    name: 'include',
    contexts: [
      'main',
      'events',
      'http',
      'upstream',
      'server',
      'location',
      'types',
      'map',
      'geo',
      'split_clients',
      'if in location',
      'limit_except',
      'program',
    ],
    args: [1, 1],
    syntax: 'file | mask',
    doc: 'Puts the directives of other files here.',
  },
  ...[
    'use',
    'multi_accept',
    'accept_mutex',
    'accept_mutex_delay',
    'worker_aio_requests',
    'debug_connection',
  ].map((name) => ignored(name, ['events'], 'Node chooses how events are waited for', { args: [1, 1] })),
  ignored('user', ['main'], 'start lbproxy as the user it shall run as', { args: [1, 2] }),
  ignored('daemon', ['main'], 'lbproxy stays in the foreground', { args: [1, 1] }),
  ...[
    'master_process',
    'worker_rlimit_nofile',
    'worker_cpu_affinity',
    'worker_priority',
    'working_directory',
    'pcre_jit',
  ]
    .concat(['timer_resolution', 'lock_file', 'thread_pool', 'env', 'ssl_engine', 'worker_rlimit_core'])
    .map((name) => ignored(name, ['main'], 'nothing of the kind is needed here')),
];
