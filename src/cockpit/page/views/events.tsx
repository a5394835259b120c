// What happened to lbproxy itself, the newest first.
import { useSignal } from '@preact/signals';
import { dateAndClock } from '../format.ts';
import { events } from '../state.ts';

const LEVELS = ['info', 'warn', 'error'] as const;

export function Events() {
  const least = useSignal<(typeof LEVELS)[number]>('info');
  const shown = events.value.filter(({ level }) => LEVELS.indexOf(level) >= LEVELS.indexOf(least.value));
  return (
    <>
      <div class="title">
        <h2>Events</h2>
        <label>
          Show{' '}
          <select
            value={least.value}
            onChange={(event) => {
              least.value = event.currentTarget.value as (typeof LEVELS)[number];
            }}
          >
            <option value="info">all</option>
            <option value="warn">warnings and errors</option>
            <option value="error">errors</option>
          </select>
        </label>
      </div>
      {shown.length === 0 && <p class="empty">Nothing happened since lbproxy started.</p>}
      <ol class="events" reversed>
        {[...shown].reverse().map(({ id, at, level, text }) => (
          <li key={id} class={level}>
            <time dateTime={new Date(at).toISOString()}>{dateAndClock(at)}</time>
            <span class={`level ${level}`}>{level}</span>
            <span class="text">{text}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
