// The configuration as it is written, each value with its place; what is wrong with it; and the reload.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { SettingView } from '../../face.ts';
import { Action } from '../action.tsx';
import { read } from '../api.ts';
import { configurations, tell } from '../state.ts';

interface Answer {
  readonly settings: readonly SettingView[];
  readonly problems: readonly string[];
}

const MOST = 1000;

export function Configuration() {
  const found = useSignal<Answer | null>(null);
  const search = useSignal('');
  const load = async (): Promise<void> => {
    try {
      found.value = await read<Answer>('configuration');
    } catch (error) {
      tell((error as Error).message, true);
    }
  };
  useEffect(() => void load(), [configurations.value]);
  const words = search.value.toLowerCase();
  const settings = (found.value?.settings ?? []).filter(({ place, name, value, at }) =>
    `${place} ${name} ${value} ${at}`.toLowerCase().includes(words),
  );
  return (
    <>
      <div class="title">
        <h2>Configuration</h2>
        <Action text="Reload" path="reload" body={{}} onDone={() => void load()} />
      </div>
      {found.value !== null && <Problems problems={found.value.problems} />}
      <label class="wide">
        Search{' '}
        <input
          type="search"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
          }}
        />
      </label>
      <Settings settings={settings} />
    </>
  );
}

function Problems({ problems }: { readonly problems: readonly string[] }) {
  return (
    <section aria-labelledby="problems">
      <h3 id="problems">Problems</h3>
      {problems.length === 0 ? (
        <p class="dim">None.</p>
      ) : (
        <ul class="problems">
          {problems.map((text) => (
            <li key={text}>
              <pre>{text}</pre>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Settings({ settings }: { readonly settings: readonly SettingView[] }) {
  return (
    <section aria-labelledby="settings">
      <h3 id="settings">Settings</h3>
      {settings.length > MOST && <p class="hint">The first {MOST} are shown; search for the others.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <div class="scroll" tabIndex={0} role="region" aria-label="Settings, a table">
        <table class="settings">
          <thead>
            <tr>
              <th scope="col">Place</th>
              <th scope="col">Name</th>
              <th scope="col">Value</th>
              <th scope="col">Written at</th>
            </tr>
          </thead>
          <tbody>
            {settings.slice(0, MOST).map(({ place, name, value, at }, i) => (
              <tr key={i}>
                <td class="dim">{place === '' ? 'main' : place}</td>
                <th scope="row">{name}</th>
                <td class="value">{value}</td>
                <td class="dim at">{at === '' ? 'default' : at}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
