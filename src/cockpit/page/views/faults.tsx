// Faults that are set on purpose, until the next reload: to see what an app and its clients do then.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LiveFault } from '../../../features/faults/live-faults.ts';
import type { FaultKind } from '../../../features/faults/rows.ts';
import { faultHint } from '../../fault-hint.ts';
import { Action, ask } from '../action.tsx';
import { read } from '../api.ts';
import { percent } from '../format.ts';
import { configurations, tell, topology } from '../state.ts';

const KINDS: Readonly<Record<FaultKind, string>> = {
  delay: '200ms 2s',
  abort: '503',
  cut: '1k',
  rate: '10k',
};

export function Faults() {
  const faults = useSignal<readonly LiveFault[]>([]);
  const load = async (): Promise<void> => {
    try {
      faults.value = (await read<{ readonly faults: readonly LiveFault[] }>('faults')).faults;
    } catch (error) {
      tell((error as Error).message, true);
    }
  };
  useEffect(() => void load(), [configurations.value]);
  return (
    <section aria-labelledby="faults">
      <h3 id="faults">Faults on purpose</h3>
      <ul>
        {faults.value.map(({ server, location, kind, value, share }) => (
          <li key={`${server} ${location} ${kind}`} class="actions">
            {server} {location}: {kind} {value}, of {percent(share)}
            <Action
              text="Take away"
              label={`Take away ${kind} of ${server} ${location}`}
              path="faults"
              body={{ server, location, kind, value: 'off' }}
              onDone={() => void load()}
            />
          </li>
        ))}
      </ul>
      <Form onDone={() => void load()} />
    </section>
  );
}

function Form({ onDone }: { readonly onDone: () => void }) {
  const chosen = useSignal(0);
  const kind = useSignal<FaultKind>('delay');
  const servers = topology.value?.servers ?? [];
  const places = servers.flatMap(({ server, locations }) =>
    locations.map(({ location }) => ({ server, location })),
  );
  const place = places[chosen.value];
  const hint = place === undefined ? '' : faultHint(servers, place, kind.value);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const [value, share] = ['value', 'share'].map((name) => String(given.get(name)));
    if (place === undefined) return;
    if (await ask('faults', { ...place, kind: kind.value, value, share })) onDone();
  };
  return (
    <form class="actions" onSubmit={(event) => void submit(event)}>
      <select
        aria-label="Location of the fault"
        value={String(chosen.value)}
        onChange={(event) => {
          chosen.value = Number(event.currentTarget.value);
        }}
      >
        {places.map(({ server, location }, i) => (
          <option key={`${server} ${location}`} value={i}>
            {server} {location === '-' ? 'outside of all' : location}
          </option>
        ))}
      </select>
      <select
        aria-label="Kind of the fault"
        value={kind.value}
        onChange={(event) => {
          kind.value = event.currentTarget.value as FaultKind;
        }}
      >
        {Object.entries(KINDS).map(([name, example]) => (
          <option key={name} value={name}>
            {name} (such as {example})
          </option>
        ))}
      </select>
      <input name="value" aria-label="Value of the fault" placeholder="Value" required />
      <input name="share" aria-label="Share of requests" value="100%" size={6} required />
      <button type="submit">Set the fault</button>
      <p class="fault-hint" role="status">
        {hint === '' ? '' : `${hint[0].toUpperCase()}${hint.slice(1)}.`}
      </p>
    </form>
  );
}
