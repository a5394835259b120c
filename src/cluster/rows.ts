// Rows of the process as a whole: acceptors, events, pid file, state directory.
import { cpus } from 'node:os';
import type { Settings } from '../config/model.ts';
import { count, flag, ignored, path, type Row, setting, time } from '../config/row.ts';
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
    /** null: acceptors stay what the primary is. */
    readonly runAs: { readonly user: string; readonly group: string } | null;
    /** Of acceptors, as nice(1) counts; 0 = as it is. */
    readonly acceptorPriority: number;
    /** Under the face of nginx: the program goes to the background once all listens. */
    readonly daemon: boolean;
    /** Where relative names of certificates, keys and passwords start; '' = where all others do. No directive sets it. */
    readonly configPrefix: string;
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
  runAs: null,
  acceptorPriority: 0,
  daemon: false,
  configPrefix: '',
  face: 'lbproxy',
} as const satisfies Partial<Settings>;

const WAITS = 'Node chooses how events are waited for';
const ACCEPTS = 'all acceptors wait for connections, and the system wakes one';

/** Of `events`: why it has no effect. */
const WHY_EVENTS: Readonly<Record<string, string>> = {
  use: WAITS,
  epoll_events: WAITS,
  worker_aio_requests: WAITS,
  multi_accept: 'Node takes all connections that wait, always',
  accept_mutex: ACCEPTS,
  accept_mutex_delay: ACCEPTS,
  debug_connection: 'nothing is logged at the level debug',
};

/** Of the process: why it has no effect. */
const WHY_MAIN: Readonly<Record<string, string>> = {
  master_process: 'there is always a process that watches over the acceptors',
  worker_rlimit_nofile:
    'Node has no such call; it raises its limit of descriptors as far as the system lets it',
  worker_cpu_affinity: 'Node has no such call; the system chooses the processors, or taskset does for all',
  worker_rlimit_core: 'Node has no such call; ulimit -c limits core files for all',
  working_directory: 'it is where nginx leaves core files; all paths start from the prefix',
  pcre_jit: 'regular expressions are V8’s, which compiles those that are used often',
  timer_resolution: 'the clock is read no more often than it must',
  lock_file: 'nothing here takes turns by a lock',
  thread_pool: 'files are read by Node’s threads; UV_THREADPOOL_SIZE in its environment says how many',
  env: 'it says which variables nginx’s own processes keep, for modules in Perl and libraries; here nothing that answers requests reads any, and programs have `environment`',
  ssl_engine: 'OpenSSL in Node loads no engine by configuration',
};

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
    doc: 'Directory for what is made once and kept: the local authority, self-signed certificates, the pid file.',
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
      'otel_exporter',
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
    'epoll_events',
  ].map((name) => ignored(name, ['events'], WHY_EVENTS[name], { args: [1, 1] })),
  setting('runAs', {
    name: 'user',
    contexts: ['main'],
    args: [1, 2],
    syntax: 'user [group]',
    doc: 'Called as nginx and started as root: what acceptors become. As lbproxy: without effect, start it as the user it shall run as.',
    read: ([user, group]) => ({ user: user.text, group: (group ?? user).text }),
  }),
  flag('daemon', {
    name: 'daemon',
    contexts: ['main'],
    default: 'off; called as nginx: on',
    doc: 'Called as nginx: the program goes to the background once all listens. lbproxy stays in the foreground.',
  }),
  setting('acceptorPriority', {
    name: 'worker_priority',
    contexts: ['main'],
    args: [1, 1],
    syntax: 'number',
    default: '0',
    doc: 'Scheduling priority of acceptors, as nice(1) has it: from -20, the highest, to 20.',
    read: (words, cx) => {
      const [{ text, at }] = words;
      if (/^-?\d{1,2}$/.test(text) && Math.abs(Number(text)) <= 20) return Number(text);
      return cx.problems.error(at, `"${text}" is no priority: write a number from -20 to 20`);
    },
  }),
  ...Object.entries(WHY_MAIN).map(([name, why]) => ignored(name, ['main'], why)),
];
