// Which address leads to which server, location, group and peer, and how much goes each way.
import { useMemo } from 'preact/hooks';
import { ms, rate } from '../format.ts';
import { requestsAddress } from '../place.ts';
import { rates, state, topology } from '../state.ts';
import { type Box, COLUMNS, type Edge, type Picture, pictureOf } from '../topology-layout.ts';
import { Faults } from './faults.tsx';

const BOX_WIDTH = 190;
const BOX_HEIGHT = 44;
const COLUMN_STEP = 238;
const ROW_STEP = 56;
const TOP = 34;
const MAX_LETTERS = 25;

export function Topology() {
  const view = topology.value;
  const peers = state.value?.peers ?? [];
  const picture = view === null ? null : pictureOf(view, peers, rates.value);
  return (
    <>
      <h2>Topology</h2>
      <p class="hint">Requests per second on each way. A server or a peer leads to its requests.</p>
      {picture !== null && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        <div class="scroll topology" tabIndex={0} role="region" aria-label="Topology, a picture">
          <Drawing picture={picture} />
        </div>
      )}
      <Faults />
    </>
  );
}

interface Placed {
  readonly box: Box;
  readonly x: number;
  readonly y: number;
}

function Drawing({ picture }: { readonly picture: Picture }) {
  const rows = Math.max(1, ...picture.columns.map(({ length }) => length));
  const height = TOP + rows * ROW_STEP;
  const width = (COLUMNS.length - 1) * COLUMN_STEP + BOX_WIDTH + 2;
  const shape = picture.columns.map((boxes) => boxes.map(({ key }) => key).join()).join('|');
  // Numbers change each second, places only with the configuration.
  const places = useMemo(() => placesOf(picture, height), [shape, height]);
  const placed = picture.columns.flat().flatMap((box): Placed[] => {
    const at = places.get(box.key);
    return at === undefined ? [] : [{ box, ...at }];
  });
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label="Topology">
      {COLUMNS.map((title, column) => (
        <text key={title} class="column" x={column * COLUMN_STEP + 1} y={16}>
          {title}
        </text>
      ))}
      <g>
        {picture.edges.map((edge) => (
          <Way key={`${edge.from} ${edge.to}`} edge={edge} places={places} />
        ))}
      </g>
      {placed.map((one) => (
        <BoxView key={one.box.key} placed={one} />
      ))}
    </svg>
  );
}

type Places = ReadonlyMap<string, { readonly x: number; readonly y: number }>;

/** Each column stands in the middle of the height. */
function placesOf({ columns }: Picture, height: number): Places {
  const places = new Map<string, { x: number; y: number }>();
  for (const [column, boxes] of columns.entries()) {
    const step = Math.min((height - TOP) / Math.max(1, boxes.length), ROW_STEP * 2);
    const start = TOP + (height - TOP - step * boxes.length) / 2;
    for (const [i, { key }] of boxes.entries())
      places.set(key, { x: column * COLUMN_STEP + 1, y: start + step * i + (step - BOX_HEIGHT) / 2 });
  }
  return places;
}

function Way({ edge, places }: { readonly edge: Edge; readonly places: Places }) {
  const from = places.get(edge.from);
  const to = places.get(edge.to);
  if (from === undefined || to === undefined) return null;
  const [x1, y1] = [from.x + BOX_WIDTH, from.y + BOX_HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + BOX_HEIGHT / 2];
  const middle = (x1 + x2) / 2;
  const flow = edge.rate ?? 0;
  // Of ways that meet, numbers stand where they begin.
  const joins = edge.from.startsWith('c ');
  const d = `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  return (
    <>
      <path
        class={flow > 0 ? 'way flows' : 'way'}
        d={d}
        stroke-width={1 + Math.min(7, Math.log2(1 + flow) * 0.8)}
      />
      {flow > 0 && (
        <text
          class="flow"
          x={joins ? x1 + 6 : x2 - 6}
          y={(joins ? y1 : y2) - 5}
          text-anchor={joins ? 'start' : 'end'}
        >
          {rate(flow)}/s
        </text>
      )}
    </>
  );
}

function BoxView({ placed: { box, x, y } }: { readonly placed: Placed }) {
  const { title, note, more, filter, state: looks } = box;
  const numbers = [
    ...(box.rate === null ? [] : [`${rate(box.rate)}/s`]),
    ...(box.p95Ms === null ? [] : [`p95 ${ms(box.p95Ms)}`]),
  ].join(' · ');
  const second = [note, numbers].filter((text) => text !== '').join(' · ');
  const all = [title, more, second].filter((text) => text !== '').join(', ');
  const content = (
    <g class={`box ${looks}`} transform={`translate(${x} ${y})`}>
      <title>{all}</title>
      <rect width={BOX_WIDTH} height={BOX_HEIGHT} rx={6} />
      <text class="name" x={10} y={18}>
        {cut(title)}
      </text>
      <text class="note" x={10} y={35}>
        {cut(second)}
      </text>
    </g>
  );
  if (filter === '') return content;
  return <a href={requestsAddress(filter)}>{content}</a>;
}

function cut(text: string): string {
  return text.length <= MAX_LETTERS ? text : `${text.slice(0, MAX_LETTERS - 1)}…`;
}
