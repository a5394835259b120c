// The end of a process's log, read anew every second, and a search in it.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { read } from './api.ts';

const EVERY_MS = 1000;
const TAIL_BYTES = 65_536;
/** Colours and cursor movements of terminals. */
const ESCAPES = /\x1b\[[0-9;?]*[A-Za-z]/g;

type Stream = 'stdout' | 'stderr';

export function LogTail({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const stream = useSignal<Stream>('stdout');
  const search = useSignal('');
  const text = useSignal('');
  const hint = useSignal('');
  useTail(name, stream.value, text, hint);
  const words = search.value.toLowerCase();
  const lines = text.value.replace(ESCAPES, '').trimEnd().split('\n');
  const shown = words === '' ? lines : lines.filter((line) => line.toLowerCase().includes(words));
  return (
    <section class="log" aria-label={`Log of ${name}`}>
      <div class="title">
        <h4>Log of {name}</h4>
        <select
          aria-label="Stream"
          value={stream.value}
          onChange={(event) => {
            stream.value = event.currentTarget.value as Stream;
          }}
        >
          <option value="stdout">stdout</option>
          <option value="stderr">stderr</option>
        </select>
        <input
          type="search"
          aria-label="Search in the log"
          placeholder="Search"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
          }}
        />
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <p class="dim" role="status">
        {hint.value !== ''
          ? hint.value
          : words === ''
            ? `${lines.length} lines`
            : `${shown.length} of ${lines.length} lines`}
      </p>
      <Lines text={shown.join('\n')} />
    </section>
  );
}

function useTail(name: string, stream: Stream, text: { value: string }, hint: { value: string }): void {
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async (): Promise<void> => {
      try {
        const path = `logs/${encodeURIComponent(name)}?stream=${stream}&bytes=${TAIL_BYTES}`;
        const answer = await read<{ readonly text: string; readonly path: string | null }>(path);
        if (isOver) return;
        text.value = answer.text;
        hint.value =
          answer.path === null
            ? 'It has no log file: its lines are in lbproxy’s own output. Set stdout_logfile.'
            : '';
      } catch (error) {
        if (!isOver) hint.value = (error as Error).message;
      }
      if (!isOver) timer = setTimeout(turn, EVERY_MS);
    };
    void turn();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [name, stream]);
}

/** Follows the end, unless somebody scrolled up. */
function Lines({ text }: { readonly text: string }) {
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  useLayoutEffect(() => {
    if (box.current !== null && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  return (
    <pre
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        follows.current = scrollTop + clientHeight >= scrollHeight - 4;
      }}
    >
      {text}
    </pre>
  );
}
