// What lbproxy tells this page of itself, as it happens: one stream, for as long as the page is in sight. Another wish is another stream.
import { batch, computed, effect, signal } from '@preact/signals';
import { Timer } from '../../shared/timer.ts';
import type { StreamEvents } from '../stream.ts';
import { CallProblem, isRefused, openStream, token } from './api.ts';
import { EventReader } from './event-stream.ts';
import { filterText, imported, isPaused, listStarts, seenVersions, takeList } from './requests/listed.ts';
import { events, lost, shownLogs, state, tell, view } from './state.ts';
import { takeEvents, takeLog, takeState, takeTopology } from './take.ts';

/** Wishes that change together are one stream. */
const SETTLE_MS = 50;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** lbproxy says something every second. */
const SILENT_MS = 10_000;

const LOST = 'Connection lost, trying again.';

const isHidden = signal(document.hidden);

/** null: no requests are looked at. */
const filter = computed((): string | null =>
  view.value === 'requests' && !isPaused.value && imported.value === null ? filterText.value : null,
);

/** What the stream is to bring, apart from what has been seen; '' = there is to be none. */
const wish = computed((): string => {
  if (token.value === '' || isRefused.value || isHidden.value) return '';
  return JSON.stringify([token.value, filter.value, listStarts.value, shownLogs.value]);
});

let end: () => void = () => {};

export function startStream(): void {
  document.addEventListener('visibilitychange', () => {
    isHidden.value = document.hidden;
  });
  effect(() => {
    const isWanted = wish.value !== '';
    end();
    if (isWanted) begin();
  });
}

function begin(): void {
  const ending = new AbortController();
  const timer = setTimeout(() => void follow(ending.signal), SETTLE_MS);
  end = () => {
    clearTimeout(timer);
    ending.abort();
  };
}

/** Until it is not wanted any more: one that ends is opened again, after a pause that grows while lbproxy is away. */
async function follow(ending: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!ending.aborted) {
    try {
      await readStream(ending, () => {
        lost.value = '';
        pauseMs = FIRST_PAUSE_MS;
      });
      lost.value = LOST;
    } catch (error) {
      if (ending.aborted || isRefused.value) return;
      lost.value = error instanceof CallProblem ? `${error.message}. Trying again.` : LOST;
    }
    await pause(pauseMs, ending);
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

function pause(ms: number, ending: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      timer.stop();
      ending.removeEventListener('abort', over);
      resolve();
    };
    const timer = new Timer(over, ms);
    ending.addEventListener('abort', over);
  });
}

/** Resolves when lbproxy ends it. */
async function readStream(ending: AbortSignal, onEvents: () => void): Promise<void> {
  const own = new AbortController();
  let timer = setTimeout(() => own.abort(), SILENT_MS);
  try {
    const body = await openStream(pathOf(), AbortSignal.any([ending, own.signal]));
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || ending.aborted) return;
      clearTimeout(timer);
      timer = setTimeout(() => own.abort(), SILENT_MS);
      const sent = parser.take(value);
      if (sent.length === 0) continue;
      batch(() => {
        onEvents();
        for (const { name, data } of sent) take(name as keyof StreamEvents, JSON.parse(data));
      });
    }
  } finally {
    clearTimeout(timer);
    own.abort();
  }
}

/** With what has been seen, so that only what is new comes. */
function pathOf(): string {
  const query = new URLSearchParams({
    run: String(state.peek()?.traffic.startedAtMs ?? 0),
    event: String(events.peek().at(-1)?.id ?? 0),
  });
  const text = filter.peek();
  if (text !== null) {
    query.set('filter', text);
    query.set('after', seenVersions());
  }
  for (const log of shownLogs.peek()) query.append('log', log);
  return `stream?${query}`;
}

const TAKE: { readonly [K in keyof StreamEvents]: (value: StreamEvents[K]) => void } = {
  state: takeState,
  topology: takeTopology,
  events: takeEvents,
  requests: takeList,
  log: takeLog,
  problem: ({ problem }) => tell(problem, true),
};

function take<K extends keyof StreamEvents>(name: K, value: StreamEvents[K]): void {
  TAKE[name]?.(value);
}
