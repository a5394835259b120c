// The frame of the page: where one is, how lbproxy is, and the view.
import { useComputed, useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { isRefused, takeToken, token } from './api.ts';
import { lost, notice, state, VIEWS, type ViewName, view } from './state.ts';
import { type Theme, theme } from './theme.ts';
import { Configuration } from './views/configuration.tsx';
import { Events } from './views/events.tsx';
import { Overview } from './views/overview.tsx';
import { Peers } from './views/peers.tsx';
import { Programs } from './views/programs.tsx';
import { Requests } from './views/requests.tsx';
import { Topology } from './views/topology.tsx';

const PAGES: Readonly<Record<ViewName, ComponentType>> = {
  overview: Overview,
  topology: Topology,
  peers: Peers,
  programs: Programs,
  requests: Requests,
  configuration: Configuration,
  events: Events,
};

export function App() {
  if (token.value === '' || isRefused.value) return <AskForToken />;
  const Page = PAGES[view.value];
  const hasState = useComputed(() => state.value !== null);
  useLayoutEffect(() => {
    const name = VIEWS.find(([known]) => known === view.value)?.[1] ?? '';
    document.title = `${name} · lbproxy`;
  }, [view.value]);
  return (
    <>
      <button type="button" class="skip" onClick={skipToContent}>
        Skip to the content
      </button>
      <Header />
      <main id="content" tabIndex={-1} class={`view-${view.value}`}>
        {hasState.value ? <Page /> : <p class="empty">{lost.value === '' ? 'Loading …' : lost.value}</p>}
      </main>
      <NoticeBox />
    </>
  );
}

function skipToContent(): void {
  document.getElementById('content')?.focus();
}

function Header() {
  return (
    <header>
      <div class="bar">
        <h1>lbproxy</h1>
        <Connection />
        <ThemeChoice />
      </div>
      <nav aria-label="Views">
        {VIEWS.map(([name, label]) => (
          <a key={name} href={`#/${name}`} aria-current={view.value === name ? 'page' : undefined}>
            {label}
          </a>
        ))}
      </nav>
    </header>
  );
}

function Connection() {
  const isLost = lost.value !== '';
  const { version = '', configuration = '' } = state.value ?? {};
  return (
    <p class={isLost ? 'connection lost' : 'connection'} role="status">
      {isLost ? lost.value : `${version} · ${configuration}`}
    </p>
  );
}

function ThemeChoice() {
  return (
    <select
      aria-label="Colours"
      value={theme.value}
      onChange={(event) => {
        theme.value = event.currentTarget.value as Theme;
      }}
    >
      <option value="system">As the system</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}

function NoticeBox() {
  const now = notice.value;
  return (
    <div class={now?.isProblem === true ? 'notice problem' : 'notice'} role="status" aria-live="polite">
      {now !== null && (
        <>
          <span>{now.text}</span>
          <button
            type="button"
            aria-label="Close the message"
            onClick={() => {
              notice.value = null;
            }}
          >
            ×
          </button>
        </>
      )}
    </div>
  );
}

/** Nobody gave a token, or a wrong one. */
function AskForToken() {
  const text = useSignal('');
  const problem = useSignal('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!takeToken(text.value)) problem.value = 'There is no token in this.';
  };
  return (
    <main class="token">
      <h1>lbproxy</h1>
      <p role="alert">
        {isRefused.value
          ? 'The token of this page is not the one that lbproxy has.'
          : 'This page needs a token, and its address has none.'}
      </p>
      <p>
        Open the address that lbproxy printed when it started: it ends in # and the token. It also stands in a
        file <code>live-view-….url</code> of the state directory (<code>state_path</code>). Or paste it here:
      </p>
      <form onSubmit={submit}>
        <label>
          Address or token
          <input
            type="text"
            autocomplete="off"
            spellcheck={false}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
        </label>
        <button type="submit">Open</button>
      </form>
      <p class="field-problem" role="status">
        {problem.value}
      </p>
    </main>
  );
}
