// The real Supervisor beside our reader: many files through one Python process, and both results in one shape.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { geteuid } from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Problem, Problems } from '../../../src/config/problem.ts';
import { readSupervisord } from '../../../src/supervise/ini/read.ts';
import type {
  ControlServerPlan,
  GroupPlan,
  PoolPlan,
  ProcessSpec,
  StreamPlan,
} from '../../../src/supervise/plan.ts';

const READER = fileURLToPath(new URL('./supervisor_reads.py', import.meta.url));

/** One configuration: the main file and others by their relative names. */
export interface Case {
  readonly main: string | Buffer;
  readonly others?: Readonly<Record<string, string | Buffer>>;
}

export interface Compared {
  readonly theirs: Record<string, unknown>;
  readonly ours: Record<string, unknown>;
  readonly pool: PoolPlan | undefined;
  readonly problems: readonly Problem[];
}

/** What Supervisor refuses for the sake of this machine, and we take with a problem for the program. */
const SOFT =
  /Invalid user|does not exist|is not an existing directory|Invalid group|cannot be resolved within|Invalid socket_owner value|Invalid sockchown value/;

/** A `%s` without a name: Supervisor puts the whole environment there, we refuse it. */
const DUMPED = /"%[-+ #0]*[\d.]*[hlL]?[sra].*": a single %/;

/** Reads every case with both. Names of files are `main.conf` in a folder of their own. */
export function compareWithSupervisor(cases: readonly Case[]): readonly Compared[] {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-ini-'));
  try {
    const paths = cases.map((one, i) => writeCase(join(root, `case-${i}`), one));
    const env = {
      PATH: '/usr/bin:/bin',
      HOME: '/home/somebody',
      LC_ALL: 'C.UTF-8',
      APP_PORT: '8001',
      BLANK: 'a b',
      EMPTY: '',
    };
    const done = spawnSync('/usr/bin/python3', ['-W', 'ignore', READER], {
      cwd: root,
      env,
      input: paths.map((path) => `${path}\n`).join(''),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      timeout: 60_000,
    });
    const lines = done.stdout.trimEnd().split('\n');
    if (done.status !== 0 || lines.length !== cases.length) throw new Error(`python3: ${done.stderr}`);
    return paths.map((path, i) => compareOne(path, JSON.parse(lines[i]), { env, cwd: root }));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function writeCase(folder: string, { main, others = {} }: Case): string {
  for (const [name, text] of Object.entries({ ...others, 'main.conf': main })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return join(folder, 'main.conf');
}

function compareOne(
  path: string,
  theirs: Record<string, unknown>,
  from: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): Compared {
  const problems = new Problems();
  const { pool } = readSupervisord(path, from, problems);
  const isSoft =
    'refused' in theirs
      ? SOFT.test(String(theirs.refused))
      : problems.list.some(({ message }) => DUMPED.test(message));
  const known = (
    isSoft ? { soft: true } : 'refused' in theirs ? { refused: true } : normalize(theirs)
  ) as Record<string, unknown>;
  const ours = isSoft ? { soft: true } : pool === undefined ? { refused: true } : shapeOf(pool, theirs);
  return { theirs: known, ours, pool, problems: problems.list };
}

type Json = Record<string, unknown>;
const OWN_UID = geteuid?.();

/** Takes out what differs on purpose: `stopasgroup`, `killasgroup`, and the user of [supervisord], whom our programs run as. */
function normalize(theirs: Json): Json {
  const groups = theirs.groups as Json[];
  const { warnings: _, uid, ...rest } = theirs;
  return {
    ...rest,
    groups: groups.map((group) => ({
      ...group,
      processes: (group.processes as Json[]).map(({ stopasgroup: _s, killasgroup: _k, ...process }) => ({
        ...process,
        uid: process.uid ?? (uid === OWN_UID ? null : uid),
      })),
    })),
  };
}

function shapeOf(pool: PoolPlan, theirs: Json): Json {
  return {
    identifier: pool.identifier,
    childLogDirectory: pool.childLogDirectory,
    keepsOldAutoLogs: pool.keepsOldAutoLogs,
    logFile: pool.logFile,
    stripAnsi: pool.groups[0]?.processes[0]?.output.stdout.stripAnsi ?? theirs.stripAnsi,
    servers: pool.controlServers.map(shapeOfServer),
    groups: pool.groups.map((group, i) =>
      shapeOfGroup(group, ((theirs.groups as Json[] | undefined) ?? [])[i]),
    ),
  };
}

function shapeOfServer({ address, login }: ControlServerPlan): Json {
  const pair = login === null ? null : [login.user, login.password];
  if (address.kind === 'tcp') return { host: address.host, port: address.port, login: pair };
  return {
    path: address.path,
    mode: address.mode,
    owner: [address.uid ?? -1, address.gid ?? -1],
    login: pair,
  };
}

function shapeOfGroup(group: GroupPlan, theirs: Json | undefined): Json {
  const { socket, listener } = group;
  const unix = socket?.address.kind === 'unix' ? socket.address : undefined;
  const processes = (theirs?.processes as Json[] | undefined) ?? [];
  return {
    name: group.name,
    priority: group.priority,
    processes: group.processes.map((spec, i) => shapeOfProcess(spec, processes[i])),
    events: listener === null ? null : [...listener.events].sort(),
    bufferSize: listener?.bufferSize ?? null,
    socket:
      socket === null
        ? null
        : {
            url: socket.url,
            backlog: socket.backlog,
            mode: unix?.mode ?? null,
            owner: unix === undefined || unix.uid === null ? null : [unix.uid, unix.gid ?? -1],
          },
  };
}

function shapeOfProcess({ launch, policy, output }: ProcessSpec, theirs: Json | undefined): Json {
  // Signals that cannot be sent from here are told in a warning.
  const isOdd = [0, 34, 64].includes(Number(theirs?.stopsignal));
  return {
    name: launch.name,
    command: launch.command,
    argv:
      launch.problem?.startsWith('its command cannot be split') === true
        ? null
        : launch.problem?.startsWith('its command is empty') === true
          ? []
          : launch.argv,
    directory: launch.directory,
    uid: launch.user?.uid ?? null,
    umask: launch.umask,
    priority: policy.priority,
    autostart: policy.autostart,
    autorestart: policy.autorestart,
    startsecs: policy.startMs / 1000,
    startretries: policy.giveUpAfter,
    stopsignal: isOdd ? theirs?.stopsignal : constants.signals[policy.stopSignal],
    stopwaitsecs: policy.stopWaitMs / 1000,
    exitcodes: policy.exitcodes,
    redirectStderr: output.redirectStderr,
    environment: launch.environment,
    serverUrl: launch.serverUrl,
    stdout: shapeOfStream(output.stdout),
    stderr: shapeOfStream(output.stderr),
  };
}

function shapeOfStream(stream: StreamPlan): Json {
  const { target, syslog, maxBytes, backups, captureMaxBytes, events } = stream;
  return { target, syslog, maxBytes, backups, captureMaxBytes, events };
}
