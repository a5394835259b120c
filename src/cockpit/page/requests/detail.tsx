// One request in full: as it came, as it went to each peer, what came back, and how long each step took.
import { useSignal } from '@preact/signals';
import { bytes, dateAndClock, ms } from '../format.ts';
import { COPY_FORMS, type CopyForm, copyAs, urlOf, whatIsMissing } from './copy-as.ts';
import { Frames } from './frames.tsx';
import { imported, type Shown } from './listed.ts';
import { BodyView, Fold, HeadView } from './parts.tsx';
import { Replay } from './replay.tsx';
import { detail, detailProblem, setShowsHidden, showsHidden } from './selection.ts';
import { Waterfall } from './waterfall.tsx';

export function RequestDetail() {
  const request = detail.value;
  if (request === null)
    return (
      <p class={detailProblem.value === '' ? 'empty' : 'field-problem'}>
        {detailProblem.value || 'Loading …'}
      </p>
    );
  return (
    <article aria-label={`${request.method} ${request.target}`}>
      <h3 class="url">
        <span class={`status s${String(request.status)[0]}`}>
          {request.status === 0 ? '…' : request.status}
        </span>{' '}
        {request.method} {urlOf(request)}
      </h3>
      <Facts request={request} />
      {request.failure !== '' && <p class="cause">{request.failure}</p>}
      {imported.value === null && <HiddenSwitch />}
      <Waterfall request={request} />
      <Messages request={request} />
      {request.passed > 0 && <Frames frames={request.frames} passed={request.passed} />}
      <Copy request={request} />
      {imported.value === null && <Replay key={request.id} request={request} />}
    </article>
  );
}

function Facts({ request }: { readonly request: Shown }) {
  const facts: readonly (readonly [name: string, value: string])[] = [
    ['At', dateAndClock(request.at)],
    ['Client', request.client],
    ['Server', request.server],
    ['Took', request.ms < 0 ? 'not over' : ms(request.ms)],
    ['First byte', ms(request.firstByteMs)],
    ['Body', bytes(request.requestBytes)],
    ['Answer', bytes(request.answerBytes)],
  ];
  return (
    <dl class="facts">
      {facts.map(
        ([name, value]) =>
          value !== '' && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function HiddenSwitch() {
  const on = showsHidden.value;
  return (
    <p>
      <button type="button" aria-pressed={on} onClick={() => setShowsHidden(!on)}>
        {on ? 'Hide values again' : 'Show hidden values'}
      </button>
    </p>
  );
}

function Messages({ request }: { readonly request: Shown }) {
  const sent = request.attempts.filter(({ head }) => head !== '');
  return (
    <>
      <Fold title="Request, as it came" open>
        <HeadView head={request.requestHead} />
        <BodyView body={request.requestBody} />
      </Fold>
      {sent.map(({ peer, head }, i) => (
        <Fold key={i} title={`Request, as it went to ${peer}`}>
          <HeadView head={head} />
        </Fold>
      ))}
      {request.peerAnswer !== '' && (
        <Fold title="Answer, as it came from the peer">
          <HeadView head={request.peerAnswer} />
        </Fold>
      )}
      <Fold title="Answer, as it went" open>
        {request.answerHead === '' ? (
          <p class="dim">None went yet.</p>
        ) : (
          <HeadView head={request.answerHead} />
        )}
        <BodyView body={request.answerBody} />
      </Fold>
    </>
  );
}

function Copy({ request }: { readonly request: Shown }) {
  const form = useSignal<CopyForm>('curl');
  const said = useSignal('');
  const text = copyAs(form.value, request);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = 'Copied.';
    } catch {
      said.value = 'The browser does not allow it: mark the text and copy it.';
    }
  };
  return (
    <Fold title="Copy as">
      <div class="actions">
        <select
          aria-label="Form"
          value={form.value}
          onChange={(event) => {
            form.value = event.currentTarget.value as CopyForm;
            said.value = '';
          }}
        >
          {COPY_FORMS.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <button type="button" onClick={() => void copy()}>
          Copy
        </button>
        <span role="status">{said.value}</span>
      </div>
      <p class="dim">{whatIsMissing(request)}</p>
      <pre class="copy-text">{text}</pre>
    </Fold>
  );
}
