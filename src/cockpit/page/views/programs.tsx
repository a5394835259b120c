// Programs and their processes: how they are, their logs, and start, stop, restart, scale.
import { useSignal } from '@preact/signals';
import type { ProcessSight, ProgramView } from '../../program-calls.ts';
import { Action, ask } from '../action.tsx';
import { bytes, percent, span } from '../format.ts';
import { LogTail } from '../log-tail.tsx';
import { before, state } from '../state.ts';

export function Programs() {
  const programs = state.value?.programs ?? [];
  return (
    <>
      <h2>Programs</h2>
      {programs.length === 0 && <p class="empty">This configuration has no programs.</p>}
      {programs.map((program) => (
        <Program key={program.program} program={program} />
      ))}
    </>
  );
}

function Program({ program: { program, processes } }: { readonly program: ProgramView }) {
  const shownLog = useSignal('');
  return (
    <section aria-labelledby={`program-${program}`}>
      <div class="title">
        <h3 id={`program-${program}`}>{program}</h3>
        <div class="actions">
          <Commands name={program} what="all processes of" />
          <Scale program={program} present={processes.length} />
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <div class="scroll" tabIndex={0} role="region" aria-label={`Processes of ${program}, a table`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col">State</th>
              <th scope="col">pid</th>
              <th scope="col">Port</th>
              <th scope="col">Runs for</th>
              <th scope="col">Restarts</th>
              <th scope="col">Under way</th>
              <th scope="col">CPU</th>
              <th scope="col">Memory</th>
              <th scope="col">Do</th>
            </tr>
          </thead>
          <tbody>
            {processes.map((process) => (
              <Process key={`${process.group}:${process.name}`} process={process} shownLog={shownLog} />
            ))}
          </tbody>
        </table>
      </div>
      {shownLog.value !== '' && (
        <LogTail
          key={shownLog.value}
          name={shownLog.value}
          onClose={() => {
            shownLog.value = '';
          }}
        />
      )}
    </section>
  );
}

function Process({
  process,
  shownLog,
}: {
  readonly process: ProcessSight;
  readonly shownLog: { value: string };
}) {
  const { group, name, state: now, pid, port, problem } = process;
  const fullName = `${group}:${name}`;
  const isUp = pid !== 0;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <span class={`state ${now.toLowerCase()}`}>{now}</span>
        {now === 'RUNNING' && !process.ready && ' not ready'}
        {problem !== null && <div class="dim problem-text">{problem}</div>}
      </td>
      <td>{isUp ? pid : '–'}</td>
      <td>{port ?? '–'}</td>
      <td>
        {isUp && process.startedAtMs > 0 ? span((state.value?.traffic.atMs ?? 0) - process.startedAtMs) : '–'}
      </td>
      <td>{process.restarts}</td>
      <td>{process.inFlight ?? '–'}</td>
      <td>{cpuOf(process)}</td>
      <td>{process.memoryBytes === null ? '–' : bytes(process.memoryBytes)}</td>
      <td>
        <div class="actions">
          <Commands name={fullName} what="process" />
          <button
            type="button"
            aria-expanded={shownLog.value === fullName}
            aria-label={`Log of ${fullName}`}
            onClick={() => {
              shownLog.value = shownLog.value === fullName ? '' : fullName;
            }}
          >
            Log
          </button>
        </div>
      </td>
    </tr>
  );
}

/** Since the answer before. */
function cpuOf({ group, name, pid, cpuMs }: ProcessSight): string {
  const old = before.value;
  const now = state.value;
  if (cpuMs === null || old === null || now === null) return '–';
  const was = old.programs
    .flatMap(({ processes }) => processes)
    .find((one) => one.group === group && one.name === name && one.pid === pid);
  const lengthMs = now.traffic.atMs - old.traffic.atMs;
  if (was === undefined || was.cpuMs === null || lengthMs <= 0) return '–';
  return percent(Math.max(0, cpuMs - was.cpuMs) / lengthMs);
}

function Commands({ name, what }: { readonly name: string; readonly what: string }) {
  return (
    <>
      {(
        [
          ['start', 'Start'],
          ['stop', 'Stop'],
          ['restart', 'Restart'],
        ] as const
      ).map(([command, text]) => (
        <Action
          key={command}
          text={text}
          label={`${text} ${what} ${name}`}
          path="programs"
          body={{ command, name }}
        />
      ))}
    </>
  );
}

function Scale({ program, present }: { readonly program: string; readonly present: number }) {
  const text = useSignal<string | null>(null);
  const isBusy = useSignal(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    const count = Number(text.value ?? present);
    if (await ask('programs', { command: 'scale', name: program, count })) text.value = null;
    isBusy.value = false;
  };
  return (
    <form class="inline" onSubmit={(event) => void submit(event)}>
      <label>
        Processes{' '}
        <input
          type="number"
          min={0}
          max={1000}
          required
          aria-label={`Number of processes of ${program}`}
          value={text.value ?? String(present)}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </label>
      <button type="submit" disabled={isBusy.value} aria-label={`Scale ${program}`}>
        Scale
      </button>
    </form>
  );
}
