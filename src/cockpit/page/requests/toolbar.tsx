// Above the list: filter, pause, clear, and files.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { readText } from '../api.ts';
import { count } from '../format.ts';
import { tell } from '../state.ts';
import { readHar } from './har.ts';
import { clearRows, filterProblem, filterText, imported, isPaused, listed, setFilter } from './listed.ts';
import { select } from './selection.ts';

const MOST_EXPORTED = 1000;

export function Toolbar() {
  return (
    <div class="toolbar">
      <FilterField />
      <div class="actions">
        <button
          type="button"
          aria-pressed={isPaused.value}
          onClick={() => {
            isPaused.value = !isPaused.value;
          }}
        >
          {isPaused.value ? 'Go on' : 'Pause'}
        </button>
        <button type="button" onClick={() => void clear()}>
          Clear
        </button>
        <button type="button" onClick={() => void exportHar()}>
          Export HAR
        </button>
        <OpenHar />
        <span class="dim count">{count(listed.value.length)} shown</span>
      </div>
      {imported.value !== null && (
        <p class="hint">
          Requests of the file {imported.value.name}; none of them is sent.{' '}
          <button type="button" onClick={closeFile}>
            Back to the live ones
          </button>
        </p>
      )}
    </div>
  );
}

function FilterField() {
  const text = useSignal(filterText.value);
  // A link elsewhere in the page sets it, too.
  useEffect(() => {
    text.value = filterText.value;
  }, [filterText.value]);
  const problem = filterProblem.value;
  return (
    <div class="filter">
      <input
        type="search"
        aria-label="Filter"
        placeholder="status>=500 path~/api peer=8002 ms>200"
        spellcheck={false}
        autocomplete="off"
        value={text.value}
        aria-invalid={problem !== ''}
        aria-describedby="filter-problem"
        onInput={(event) => {
          text.value = event.currentTarget.value;
          setFilter(text.value);
        }}
      />
      <p id="filter-problem" class="field-problem" role="status">
        {problem}
      </p>
    </div>
  );
}

async function clear(): Promise<void> {
  try {
    await clearRows();
    select(null);
  } catch (error) {
    tell((error as Error).message, true);
  }
}

async function exportHar(): Promise<void> {
  try {
    const query = new URLSearchParams({ filter: filterText.value, limit: String(MOST_EXPORTED) });
    save(await readText(`har?${query}`), 'lbproxy.har');
  } catch (error) {
    tell((error as Error).message, true);
  }
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

function OpenHar() {
  return (
    <label class="button">
      Open HAR
      <input
        type="file"
        class="only-read"
        accept=".har,.json,application/json"
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file !== undefined) void openHar(file);
          event.currentTarget.value = '';
        }}
      />
    </label>
  );
}

async function openHar(file: File): Promise<void> {
  try {
    const requests = readHar(await file.text());
    select(null);
    imported.value = { name: file.name, requests };
  } catch (error) {
    tell(`${file.name}: ${(error as Error).message}`, true);
  }
}

function closeFile(): void {
  select(null);
  imported.value = null;
}
