// Faults that are set on purpose, until the next reload: to see what an app and its clients do then.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LiveFault } from '../../../features/faults/live-faults.ts';
import { Action, ask } from '../action.tsx';
import { read } from '../api.ts';
import { percent } from '../format.ts';
import { configurations, tell, topology } from '../state.ts';

const KINDS = { delay: '200ms 2s', abort: '503', cut: '1k', rate: '10k' } as const;

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
  const places = (topology.value?.servers ?? []).flatMap(({ server, locations }) =>
    locations.map(({ location }) => ({ server, location })),
  );
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const { server, location } = places[Number(given.get('place'))];
    const [kind, value, share] = ['kind', 'value', 'share'].map((name) => String(given.get(name)));
    if (await ask('faults', { server, location, kind, value, share })) onDone();
  };
  return (
    <form class="actions" onSubmit={(event) => void submit(event)}>
      <select name="place" aria-label="Location of the fault">
        {places.map(({ server, location }, i) => (
          <option key={`${server} ${location}`} value={i}>
            {server} {location === '-' ? 'outside of all' : location}
          </option>
        ))}
      </select>
      <select name="kind" aria-label="Kind of the fault">
        {Object.entries(KINDS).map(([kind, example]) => (
          <option key={kind} value={kind}>
            {kind} (such as {example})
          </option>
        ))}
      </select>
      <input name="value" aria-label="Value of the fault" placeholder="Value" required />
      <input name="share" aria-label="Share of requests" value="100%" size={6} required />
      <button type="submit">Set the fault</button>
    </form>
  );
}
