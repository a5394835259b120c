// The end of a process's log, as it grows, and a search in it.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { logs, shownLogs } from './state.ts';

/** Colours and cursor movements of terminals. */
const ESCAPES = /\x1b\[[0-9;?]*[A-Za-z]/g;

type Stream = 'stdout' | 'stderr';

export function LogTail({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const stream = useSignal<Stream>('stdout');
  const search = useSignal('');
  const log = `${stream.value}:${name}`;
  useTail(log);
  const { text = '', path = '', problem = '' } = logs.value.get(log) ?? {};
  const hint =
    path === null && problem === ''
      ? 'It has no log file: its lines are in lbproxy’s own output. Set stdout_logfile.'
      : problem;
  const words = search.value.toLowerCase();
  const lines = text.replace(ESCAPES, '').trimEnd().split('\n');
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
        {hint !== ''
          ? hint
          : words === ''
            ? `${lines.length} lines`
            : `${shown.length} of ${lines.length} lines`}
      </p>
      <Lines text={shown.join('\n')} />
    </section>
  );
}

/** The stream brings it, as long as somebody looks. */
function useTail(log: string): void {
  useEffect(() => {
    shownLogs.value = [...shownLogs.peek(), log];
    return () => {
      shownLogs.value = shownLogs.peek().filter((one) => one !== log);
      const others = new Map(logs.peek());
      others.delete(log);
      logs.value = others;
    };
  }, [log]);
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
