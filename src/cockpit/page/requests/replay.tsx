// Sends a request again: as it was or changed, once or often, to where it came or to one of its peers.
import { type Signal, useSignal } from '@preact/signals';
import type { Replayed } from '../../../inspect/replay.ts';
import { change } from '../api.ts';
import { bytes, ms } from '../format.ts';
import type { Shown } from './listed.ts';
import { BodyView, Fold, HeadView } from './parts.tsx';

export function Replay({ request }: { readonly request: Shown }) {
  return (
    <Fold title="Send again">
      {request.noReplay === '' ? <Form request={request} /> : <Why request={request} />}
    </Fold>
  );
}

function Why({ request: { noReplay } }: { readonly request: Shown }) {
  return <p class="dim">It cannot be sent again: {noReplay}.</p>;
}

interface Wish {
  readonly to: Signal<string>;
  readonly times: Signal<number>;
  /** null = as it was. */
  readonly head: Signal<string | null>;
  readonly body: Signal<string | null>;
}

function Form({ request }: { readonly request: Shown }) {
  const wish: Wish = {
    to: useSignal(''),
    times: useSignal(1),
    head: useSignal<string | null>(null),
    body: useSignal<string | null>(null),
  };
  const isBusy = useSignal(false);
  const problem = useSignal('');
  const results = useSignal<readonly Replayed[]>([]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    problem.value = '';
    results.value = [];
    try {
      results.value = await send(request.id, wish);
    } catch (error) {
      problem.value = (error as Error).message;
    }
    isBusy.value = false;
  };
  return (
    <form class="replay" onSubmit={(event) => void submit(event)}>
      <Destination request={request} wish={wish} />
      <Edit request={request} wish={wish} />
      <button type="submit" disabled={isBusy.value}>
        {isBusy.value ? 'Sending …' : 'Send'}
      </button>
      <p class="field-problem" role="status">
        {problem.value}
      </p>
      <Results results={results.value} />
    </form>
  );
}

async function send(id: string, { to, times, head, body }: Wish): Promise<readonly Replayed[]> {
  const answer = await change<{ readonly replayed: readonly Replayed[] }>(`replay/${id}`, {
    to: to.value,
    times: times.value,
    head: head.value ?? '',
    body: body.value === null ? null : base64(body.value),
  });
  return answer.replayed;
}

function base64(text: string): string {
  let binary = '';
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function Destination({ request, wish }: { readonly request: Shown; readonly wish: Wish }) {
  const peers = [...new Set(request.attempts.filter(({ head }) => head !== '').map(({ peer }) => peer))];
  return (
    <div class="actions">
      <label>
        To{' '}
        <select
          value={wish.to.value}
          onChange={(event) => {
            wish.to.value = event.currentTarget.value;
            if (wish.head.value !== null) wish.head.value = headFor(request, wish.to.value);
          }}
        >
          <option value="">where it came</option>
          {peers.map((peer) => (
            <option key={peer} value={peer}>
              the peer {peer}
            </option>
          ))}
        </select>
      </label>
      <label>
        Times{' '}
        <input
          type="number"
          min={1}
          max={1000}
          required
          value={wish.times.value}
          onInput={(event) => {
            wish.times.value = Number(event.currentTarget.value);
          }}
        />
      </label>
    </div>
  );
}

function headFor({ requestHead, attempts }: Shown, to: string): string {
  const head = to === '' ? requestHead : (attempts.findLast(({ peer }) => peer === to)?.head ?? '');
  return head.trimEnd().replaceAll('\r\n', '\n');
}

function Edit({ request, wish }: { readonly request: Shown; readonly wish: Wish }) {
  const { head, body, to } = wish;
  const { form, isCut, text, length } = request.requestBody;
  const known = form === 'text' && !isCut ? text : '';
  return (
    <>
      <label>
        <input
          type="checkbox"
          checked={head.value !== null}
          onChange={(event) => {
            head.value = event.currentTarget.checked ? headFor(request, to.value) : null;
          }}
        />{' '}
        Change the head
      </label>
      {head.value !== null && (
        <textarea
          aria-label="Head"
          rows={8}
          spellcheck={false}
          value={head.value}
          onInput={(event) => {
            head.value = event.currentTarget.value;
          }}
        />
      )}
      <label>
        <input
          type="checkbox"
          checked={body.value !== null}
          onChange={(event) => {
            body.value = event.currentTarget.checked ? known : null;
          }}
        />{' '}
        Change the body{length > 0 && ` (it has ${bytes(length)})`}
      </label>
      {body.value !== null && (
        <textarea
          aria-label="Body"
          rows={6}
          spellcheck={false}
          value={body.value}
          onInput={(event) => {
            body.value = event.currentTarget.value;
          }}
        />
      )}
    </>
  );
}

function Results({ results }: { readonly results: readonly Replayed[] }) {
  const [first] = results;
  if (first === undefined) return null;
  const statuses = [...Map.groupBy(results, ({ status }) => status)].map(
    ([status, all]) => `${status}${all.length > 1 ? ` ×${all.length}` : ''}`,
  );
  const times = results.map((one) => one.ms).sort((a, b) => a - b);
  const middle = times[Math.floor(times.length / 2)];
  return (
    <section class="results" aria-label="Answers">
      <p role="status">
        Answered {statuses.join(', ')};{' '}
        {results.length > 1 ? `half of them within ${ms(middle)}` : ms(middle)}.
      </p>
      {first.problem !== '' && <p class="field-problem">{first.problem}</p>}
      <HeadView head={first.head} />
      <BodyView body={first.body} />
    </section>
  );
}
