// Two hosts for the same event listeners: Debian's supervisord, and the hub with a small process host around it.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EventHub } from '../../../src/supervise/events/event-hub.ts';
import type { ListenerRun } from '../../../src/supervise/events/listener-pool.ts';
import type { GroupPlan, ProcessSpec } from '../../../src/supervise/plan.ts';
import type { ProcessState } from '../../../src/supervise/state.ts';
import { PYTHON, type SupervisorReference, startSupervisor } from '../../support/supervisor.ts';

export interface ListenerGroup {
  readonly name: string;
  readonly events: string;
  readonly bufferSize: number;
  readonly processes: readonly string[];
}

/** What a listener wrote down: that it said READY, or an event. */
export interface Note {
  readonly ready?: true;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: string;
}

export interface ListenerHost {
  readonly log: () => string;
  remote(type: string, data: string): Promise<void>;
  stopProcess(group: string, name: string): Promise<void>;
  /** Once it has read all that its processes have written by now. */
  heard(): Promise<void>;
  close(): Promise<void>;
}

const LISTENER = fileURLToPath(new URL('./listener.py', import.meta.url));

export function notes(dir: string, process: string): Note[] {
  const file = join(dir, `${process}.jsonl`);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  // The last one may be half written.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Note);
}

/** More sections may follow those of the listeners. */
export async function startTheirs(
  groups: readonly ListenerGroup[],
  dir: string,
  more = '',
): Promise<ListenerHost & { startProcess(name: string): Promise<void> }> {
  // Different priorities of processes: with equal ones Supervisor takes a process of one pool for one of another as it rejects.
  const sections = groups.map(
    (group, i) => `[eventlistener:${group.name}]
command=${PYTHON} ${LISTENER} {dir}
process_name=%(program_name)s${group.processes.length > 1 ? '_%(process_num)d' : ''}
numprocs=${group.processes.length}
events=${group.events}
buffer_size=${group.bufferSize}
priority=${i + 1}
startsecs=0
autorestart=true
stderr_logfile={dir}/stderr.log
`,
  );
  const supervisor: SupervisorReference = await startSupervisor(`${sections.join('\n')}\n${more}`, dir);
  return {
    log: supervisor.log,
    async remote(type, data) {
      await supervisor.call('supervisor.sendRemoteCommEvent', type, data);
    },
    async startProcess(name) {
      await supervisor.call('supervisor.startProcess', name, false);
    },
    async stopProcess(group, name) {
      await supervisor.call('supervisor.stopProcess', `${group}:${name}`);
    },
    // One loop reads pipes and calls, in each turn all that there is; a call takes two of them.
    async heard() {
      await supervisor.call('supervisor.getState');
    },
    close: supervisor.stop,
  };
}

interface Slot {
  readonly group: string;
  readonly name: string;
  state: ProcessState;
  child: ChildProcess | null;
  stopping: (() => void) | null;
}

/** As supervisord with startsecs=0 and autorestart=true. */
export function startOurs(
  groups: readonly ListenerGroup[],
  dir: string,
): ListenerHost & { readonly hub: EventHub } {
  const log: string[] = [];
  const hub = new EventHub({ identifier: 'supervisor', log: (level, text) => log.push(`${level} ${text}`) });
  const slots = groups.flatMap((group) =>
    group.processes.map(
      (name): Slot => ({ group: group.name, name, state: 'STOPPED', child: null, stopping: null }),
    ),
  );
  let closed = false;

  function move(slot: Slot, to: ProcessState, expected = true): void {
    const from = slot.state;
    slot.state = to;
    hub.processState({ ...slot, from, to, pid: slot.child?.pid ?? 0, tries: 0, expected });
  }

  function launch(slot: Slot): void {
    move(slot, 'STARTING');
    const env = { ...process.env, SUPERVISOR_PROCESS_NAME: slot.name, SUPERVISOR_GROUP_NAME: slot.group };
    const child = spawn(PYTHON, [LISTENER, dir], { stdio: ['pipe', 'pipe', 'inherit'], env });
    slot.child = child;
    const run = hub.launched(slot.group, slot.name, (bytes) => {
      if (child.stdin.destroyed) return false;
      return new Promise((resolve, reject) => {
        child.stdin.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
    });
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => run?.stdout(chunk));
    // Once all of stdout has been read.
    child.once('close', (code) => finish(slot, run, code));
  }

  function finish(slot: Slot, run: ListenerRun | undefined, code: number | null): void {
    move(slot, slot.stopping === null ? 'EXITED' : 'STOPPED', code === 0);
    slot.child = null;
    run?.ended();
    slot.stopping?.();
    if (slot.stopping !== null || closed) return;
    launch(slot);
    move(slot, 'RUNNING');
  }

  hub.use(groups.map(plan));
  for (const { name } of groups) hub.groupChanged('ADDED', name);
  hub.supervisorState('RUNNING');
  for (const slot of slots) launch(slot);
  for (const slot of slots) move(slot, 'RUNNING');

  return {
    hub,
    log: () => log.join('\n'),
    async remote(type, data) {
      hub.remote(type, data);
    },
    stopProcess(group, name) {
      const slot = slots.find((one) => one.group === group && one.name === name);
      if (slot === undefined) throw new Error(`no ${group}:${name}`);
      move(slot, 'STOPPING');
      return new Promise((resolve) => {
        slot.stopping = resolve;
        slot.child?.kill('SIGTERM');
      });
    },
    async heard() {
      for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
    },
    async close() {
      closed = true;
      hub.close();
      await Promise.all(
        slots.map(({ child }) => {
          if (child === null || child.exitCode !== null || child.signalCode !== null) return undefined;
          const ended = new Promise((resolve) => child.once('close', resolve));
          child.kill('SIGKILL');
          return ended;
        }),
      );
    },
  };
}

export function plan(group: ListenerGroup): GroupPlan {
  return {
    name: group.name,
    priority: -1,
    at: 'supervisord.conf:1:1',
    // The hub asks for nothing but the names.
    processes: group.processes.map(
      (name) => ({ group: group.name, launch: { name } }) as unknown as ProcessSpec,
    ),
    listener: { events: group.events.split(','), bufferSize: group.bufferSize },
    socket: null,
  };
}
