// WebSocket frames, or pieces of an answer that streams, as they came.
import type { PassedView } from '../../../inspect/view.ts';
import { count, ms } from '../format.ts';
import { Fold } from './parts.tsx';

export function Frames({
  frames,
  passed,
}: {
  readonly frames: readonly PassedView[];
  readonly passed: number;
}) {
  return (
    <Fold title={`Frames and pieces (${count(passed)})`} open>
      {frames.length < passed && <p class="dim">The last {frames.length} are kept.</p>}
      <ol class="frames">
        {frames.map(({ ms: at, from, kind, length, body }, i) => (
          <li key={passed - frames.length + i} class={from}>
            <span class="dim">
              {ms(at)} · {from === 'client' ? 'from the client' : 'from the peer'} · {kind} · {count(length)}{' '}
              bytes
            </span>
            {body.text !== '' && <pre>{body.text}</pre>}
          </li>
        ))}
      </ol>
    </Fold>
  );
}
