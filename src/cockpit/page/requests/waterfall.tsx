// The attempts of a request along its time: connecting, waiting for the head, reading the rest.
import type { AttemptView } from '../../../inspect/view.ts';
import { ms } from '../format.ts';
import type { Shown } from './listed.ts';

export function Waterfall({ request }: { readonly request: Shown }) {
  const { attempts } = request;
  if (attempts.length === 0) return null;
  const whole = Math.max(
    0.001,
    request.ms,
    ...attempts.map(({ startMs, totalMs }) => startMs + Math.max(0, totalMs)),
  );
  return (
    <section aria-labelledby="attempts">
      <h4 id="attempts">Attempts</h4>
      <ol class="waterfall">
        {attempts.map((attempt, i) => (
          <li key={i}>
            <p>
              {attempt.peer}{' '}
              <span class={attempt.outcome === 'ok' ? 'good' : 'bad'}>
                {attempt.outcome}
                {attempt.status > 0 && ` ${attempt.status}`}
              </span>{' '}
              <span class="dim">{stepsOf(attempt)}</span>
            </p>
            <div class="track" aria-hidden="true">
              {barsOf(attempt).map(([kind, from, to]) => (
                <span
                  key={kind}
                  class={`step ${kind}`}
                  style={{
                    left: `${(from / whole) * 100}%`,
                    width: `max(2px, ${((to - from) / whole) * 100}%)`,
                  }}
                />
              ))}
            </div>
            {attempt.noRetry !== '' && attempt.outcome !== 'ok' && (
              <p class="dim">No further attempt: {attempt.noRetry}</p>
            )}
          </li>
        ))}
      </ol>
      <p class="waterfall-key dim" aria-hidden="true">
        <span class="step connect" /> connecting <span class="step wait" /> waiting <span class="step read" />{' '}
        reading
      </p>
    </section>
  );
}

function stepsOf({ startMs, connectMs, headMs, totalMs }: AttemptView): string {
  const steps = [`at ${ms(startMs)}`];
  if (connectMs > 0) steps.push(`connected ${ms(connectMs)}`);
  if (headMs >= 0) steps.push(`head ${ms(headMs)}`);
  if (totalMs >= 0) steps.push(`over ${ms(totalMs)}`);
  return steps.join(', ');
}

type Bar = readonly [kind: 'connect' | 'wait' | 'read', from: number, to: number];

/** What was not reached has no bar. */
function barsOf({ startMs, connectMs, headMs, totalMs }: AttemptView): Bar[] {
  const end = startMs + Math.max(0, totalMs, headMs, connectMs);
  if (connectMs < 0) return [['connect', startMs, end]];
  const connected = startMs + connectMs;
  const bars: Bar[] = connectMs > 0 ? [['connect', startMs, connected]] : [];
  if (headMs < 0) return [...bars, ['wait', connected, end]];
  return [...bars, ['wait', connected, startMs + headMs], ['read', startMs + headMs, end]];
}
