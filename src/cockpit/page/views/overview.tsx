// How much passes, how fast, and how it ends: all acceptors together, or one.
import { useSignal } from '@preact/signals';
import type { FlowRates } from '../../../observe/traffic/rates.ts';
import { Chart, type Line } from '../chart.tsx';
import { bytes, count, ms, percent, rate, span } from '../format.ts';
import type { Field } from '../history.ts';
import { requestsAddress } from '../place.ts';
import { before, history, rates, state } from '../state.ts';

const perSecond = (value: number): string => `${rate(value)}/s`;
const bytesPerSecond = (value: number): string => `${bytes(value)}/s`;

interface Picture {
  readonly title: string;
  readonly lines: readonly (readonly [name: string, field: Field, colour: string])[];
  readonly shown: (value: number) => string;
  readonly least: number;
}

const PICTURES: readonly Picture[] = [
  {
    title: 'Requests per second, by status',
    lines: [
      ['2xx', '2xx', 'green'],
      ['3xx', '3xx', 'blue'],
      ['4xx', '4xx', 'yellow'],
      ['5xx', '5xx', 'red'],
    ],
    shown: perSecond,
    least: 1,
  },
  {
    title: 'Time to answer',
    lines: [
      ['p50', 'p50', 'green'],
      ['p95', 'p95', 'yellow'],
      ['p99', 'p99', 'red'],
    ],
    shown: ms,
    least: 1,
  },
  {
    title: 'Bytes per second',
    lines: [
      ['to clients', 'bytesOut', 'blue'],
      ['from clients', 'bytesIn', 'violet'],
    ],
    shown: bytesPerSecond,
    least: 1000,
  },
  {
    title: 'Connections',
    lines: [
      ['open', 'active', 'blue'],
      ['idle', 'waiting', 'dim'],
    ],
    shown: (value) => count(Math.round(value)),
    least: 10,
  },
];

export function Overview() {
  const now = state.value;
  const chosen = useSignal(0);
  if (now === null) return null;
  const { traffic } = now;
  const id = traffic.acceptors.some((one) => one.id === chosen.value) ? chosen.value : 0;
  return (
    <>
      <div class="title">
        <h2>Overview</h2>
        <label>
          Show{' '}
          <select
            value={String(id)}
            onChange={(event) => {
              chosen.value = Number(event.currentTarget.value);
            }}
          >
            <option value="0">all acceptors</option>
            {traffic.acceptors.map((one) => (
              <option key={one.id} value={String(one.id)}>
                acceptor {one.id}
              </option>
            ))}
          </select>
        </label>
      </div>
      {!traffic.counting && (
        <p class="hint">
          Traffic is not counted: write <code>count_traffic on;</code> in the <code>http</code> block.
        </p>
      )}
      <Figures id={id} />
      <Charts id={id} />
      <Statuses id={id} />
      <Acceptors />
    </>
  );
}

function flowRatesOf(id: number): FlowRates | null {
  const now = rates.value;
  if (now === null) return null;
  return id === 0 ? now.total : (now.acceptors.find((one) => one.id === id) ?? null);
}

function Figures({ id }: { readonly id: number }) {
  const flow = flowRatesOf(id);
  const traffic = state.value?.traffic;
  if (traffic === undefined) return null;
  const own = traffic.acceptors.find((one) => one.id === id);
  const { active } = own ?? traffic.connections;
  const { requests } = own ?? traffic.total;
  const failed = flow === null || flow.requests === 0 ? 0 : (flow.classes['5xx'] ?? 0) / flow.requests;
  const figures: readonly (readonly [name: string, value: string])[] = [
    ['Requests/s', flow === null ? '–' : rate(flow.requests)],
    ['p50', ms(flow?.p50Ms ?? null)],
    ['p95', ms(flow?.p95Ms ?? null)],
    ['p99', ms(flow?.p99Ms ?? null)],
    ['5xx', percent(failed)],
    ['Connections', count(active)],
    ['Requests in all', count(requests)],
    ['Runs for', span(traffic.atMs - (own?.startedAtMs ?? traffic.startedAtMs))],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ id }: { readonly id: number }) {
  const { times, tracks } = history.value;
  const rows = tracks.get(id)?.rows;
  return (
    <div class="charts">
      {PICTURES.map(({ title, lines, shown, least }) => {
        const drawn: Line[] = lines.map(([name, field, colour]) => ({
          name,
          colour,
          values: rows?.[field] ?? [],
        }));
        return (
          <Chart
            key={title}
            title={title}
            times={rows === undefined ? [] : times}
            lines={drawn}
            shown={shown}
            least={least}
          />
        );
      })}
    </div>
  );
}

function Statuses({ id }: { readonly id: number }) {
  const traffic = state.value?.traffic;
  const flow = traffic?.acceptors.find((one) => one.id === id) ?? traffic?.total;
  const statuses = Object.entries(flow?.statuses ?? {}).sort(([a], [b]) => a.localeCompare(b));
  const perStatus = flowRatesOf(id)?.statuses ?? {};
  return (
    <section aria-labelledby="statuses">
      <h3 id="statuses">Statuses</h3>
      {statuses.length === 0 && <p class="empty">No request was answered yet.</p>}
      <ul class="statuses">
        {statuses.map(([status, all]) => (
          <li key={status}>
            <a class={`status s${status[0]}`} href={requestsAddress(`status=${Number(status) || 0}`)}>
              {status}
            </a>{' '}
            {count(all)} <small>{perSecond(perStatus[status] ?? 0)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Acceptors() {
  const traffic = state.value?.traffic;
  const now = rates.value;
  const wasCounted = before.value !== null;
  return (
    <section aria-labelledby="acceptors">
      <h3 id="acceptors">Acceptors</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <div class="scroll" tabIndex={0} role="region" aria-label="Acceptors, a table">
        <table>
          <thead>
            <tr>
              <th scope="col">Acceptor</th>
              <th scope="col">Process</th>
              <th scope="col">Requests/s</th>
              <th scope="col">p95</th>
              <th scope="col">Bytes/s</th>
              <th scope="col">Connections</th>
              <th scope="col">CPU</th>
              <th scope="col">Memory</th>
              <th scope="col">Longest delay</th>
              <th scope="col">Runs for</th>
            </tr>
          </thead>
          <tbody>
            {traffic?.acceptors.map((one) => {
              const flow = wasCounted ? now?.acceptors.find(({ id }) => id === one.id) : undefined;
              return (
                <tr key={one.id}>
                  <th scope="row">{one.id}</th>
                  <td>{one.pid}</td>
                  <td>{flow === undefined ? '–' : rate(flow.requests)}</td>
                  <td>{ms(flow?.p95Ms ?? null)}</td>
                  <td>{flow === undefined ? '–' : bytes(flow.bytesOut)}</td>
                  <td>{count(one.active)}</td>
                  <td>{flow === undefined ? '–' : percent(flow.cpu)}</td>
                  <td>{bytes(one.rssBytes)}</td>
                  <td>{ms(one.loopMaxMs)}</td>
                  <td>{span(traffic.atMs - one.startedAtMs)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
