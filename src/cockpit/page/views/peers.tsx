// The peers of each group: how they are, and what may be wished of them.
import { useSignal } from '@preact/signals';
import type { PeerView } from '../../face.ts';
import { Action, ask } from '../action.tsx';
import { clock, count, ms, rate } from '../format.ts';
import { requestsAddress } from '../place.ts';
import { rates, state } from '../state.ts';

export function Peers() {
  const peers = state.value?.peers ?? [];
  const groups = [...Map.groupBy(peers, ({ upstream }) => upstream)];
  return (
    <>
      <h2>Peers</h2>
      <p class="hint">What is set here holds until the next reload. The file does not change.</p>
      {groups.length === 0 && <p class="empty">This configuration has no groups of peers.</p>}
      {groups.map(([upstream, members]) => (
        <section key={upstream} aria-labelledby={`group-${upstream}`}>
          <h3 id={`group-${upstream}`}>{upstream}</h3>
          <ul class="cards">
            {members.map((peer) => (
              <Peer key={peer.peer} peer={peer} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Peer({ peer: one }: { readonly peer: PeerView }) {
  const { upstream, peer, state: now, why, backup, process } = one;
  const flow = rates.value?.upstreams
    .find((each) => each.upstream === upstream)
    ?.peers.find((each) => each.peer === peer);
  const facts: readonly (readonly [name: string, value: string])[] = [
    ['Attempts/s', rates.value === null ? '–' : rate(flow?.attempts ?? 0)],
    ['p95', ms(flow?.p95Ms ?? null)],
    ['Under way', count(one.active)],
    ['Failures in a row', count(one.fails)],
  ];
  return (
    <li class="card">
      <div class="card-title">
        <a href={requestsAddress(`peer=${peer}`)}>{peer}</a>
        <span class={`state ${now}`}>{now}</span>
        {backup && <span class="tag">backup</span>}
        {process !== '' && <span class="tag">process {process}</span>}
      </div>
      <p class="dim">{why === '' ? 'takes requests' : why}</p>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Causes upstream={upstream} peer={peer} />
      <div class="actions">
        {(['drain', 'down', 'up'] as const).map((action) => (
          <Action
            key={action}
            text={action === 'drain' ? 'Drain' : action === 'down' ? 'Down' : 'Up'}
            label={`${action} ${peer} of ${upstream}`}
            path="peers"
            body={{ upstream, peer, action }}
            disabled={now === action}
          />
        ))}
        <Weight peer={one} />
      </div>
    </li>
  );
}

/** How often attempts failed, by cause, and which cause was the last. */
function Causes({ upstream, peer }: { readonly upstream: string; readonly peer: string }) {
  const { outcomes = {}, lastFailure = null } =
    state.value?.traffic.upstreams
      .find((each) => each.upstream === upstream)
      ?.peers.find((each) => each.peer === peer) ?? {};
  const failed = Object.entries(outcomes).filter(([cause]) => cause !== 'ok');
  return (
    <p class="causes">
      {failed.length === 0
        ? 'No attempt failed.'
        : `Failed: ${failed.map(([cause, times]) => `${cause} ×${count(times)}`).join(', ')}. `}
      {lastFailure !== null && `Last: ${lastFailure.cause} at ${clock(lastFailure.atMs)}.`}
    </p>
  );
}

function Weight({ peer: { upstream, peer, weight } }: { readonly peer: PeerView }) {
  const text = useSignal<string | null>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const wish = Number(text.value ?? weight);
    if (await ask('peers', { upstream, peer, action: 'weight', weight: wish })) text.value = null;
  };
  return (
    <form class="inline" onSubmit={(event) => void submit(event)}>
      <label>
        Weight{' '}
        <input
          type="number"
          min={1}
          max={65_535}
          required
          aria-label={`Weight of ${peer} of ${upstream}`}
          value={text.value ?? String(weight)}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </label>
      <button type="submit" aria-label={`Set the weight of ${peer} of ${upstream}`}>
        Set
      </button>
    </form>
  );
}
