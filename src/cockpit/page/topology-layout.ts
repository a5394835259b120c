// Where the boxes of the topology stand, and what leads from which to which: five columns from addresses to peers.
import type { TrafficRates } from '../../observe/traffic/rates.ts';
import type { PeerView, TopologyView } from '../face.ts';

export interface Box {
  readonly key: string;
  readonly column: number;
  readonly title: string;
  readonly note: string;
  /** Requests per second; null where they are not known. */
  readonly rate: number | null;
  readonly p95Ms: number | null;
  /** Said besides, where there is room. */
  readonly more: string;
  /** Looks: `up`, `down`, `drain`, `failed` of peers; '' of others. */
  readonly state: string;
  /** The filter of its requests; '' = none. */
  readonly filter: string;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly rate: number | null;
}

export interface Picture {
  readonly columns: readonly (readonly Box[])[];
  readonly edges: readonly Edge[];
}

export const COLUMNS = ['Addresses', 'Servers', 'Locations', 'Leads to', 'Peers'] as const;

export function pictureOf(
  view: TopologyView,
  peers: readonly PeerView[],
  rates: TrafficRates | null,
): Picture {
  const drawing = new Drawing();
  for (const { address, secure, servers } of view.listeners) {
    drawing.box({ key: `l ${address}`, column: 0, title: address, note: secure ? 'TLS' : 'plain' });
    for (const server of servers) drawing.edge(`l ${address}`, `s ${server}`, null);
  }
  const groups = Map.groupBy(peers, ({ upstream }) => upstream);
  // In the order in which locations name them, so that few ways cross.
  for (const server of view.servers) {
    drawServer(drawing, server, rates);
    for (const { kind, to } of server.locations) {
      if (to === '') continue;
      if (kind !== 'proxy') drawing.box({ key: `e ${kind} ${to}`, column: 3, title: to, note: kind });
      else if (groups.has(to)) drawGroup(drawing, to, groups.get(to) ?? [], rates);
      else drawing.box({ key: `g ${to}`, column: 3, title: to, note: 'address' });
    }
  }
  for (const [upstream, members] of groups) drawGroup(drawing, upstream, members, rates);
  return drawing.picture;
}

class Drawing {
  readonly #boxes = new Map<string, Box>();
  readonly #edges = new Map<string, Edge>();

  box(box: Pick<Box, 'key' | 'column' | 'title'> & Partial<Box>): void {
    if (this.#boxes.has(box.key)) return;
    this.#boxes.set(box.key, { note: '', more: '', rate: null, p95Ms: null, state: '', filter: '', ...box });
  }

  edge(from: string, to: string, rate: number | null): void {
    const key = `${from}\n${to}`;
    if (!this.#edges.has(key)) this.#edges.set(key, { from, to, rate });
  }

  get picture(): Picture {
    const boxes = [...this.#boxes.values()];
    return {
      columns: COLUMNS.map((_title, column) => boxes.filter((box) => box.column === column)),
      edges: [...this.#edges.values()].filter(({ from, to }) => this.#boxes.has(from) && this.#boxes.has(to)),
    };
  }
}

function drawServer(
  drawing: Drawing,
  view: TopologyView['servers'][number],
  rates: TrafficRates | null,
): void {
  const { server, names, locations } = view;
  const flow = rates?.servers.find((one) => one.server === server);
  const key = `s ${server}`;
  const more = names.filter((name) => name !== server).join(' ');
  const own = { rate: flow?.requests ?? 0, p95Ms: flow?.p95Ms ?? null };
  drawing.box({ key, column: 1, title: server, more, ...own, filter: `server="${server}"` });
  for (const { location, to, kind } of locations) {
    const here = flow?.locations.find((one) => one.location === location);
    // Outside of all locations there is mostly nothing.
    if (location === '-' && kind === 'other' && here === undefined) continue;
    const rate = here?.requests ?? 0;
    const place = `c ${server} ${location}`;
    const title = location === '-' ? 'outside of all' : location;
    drawing.box({ key: place, column: 2, title, rate, p95Ms: here?.p95Ms ?? null });
    drawing.edge(key, place, rate);
    if (to === '') continue;
    const end = kind === 'proxy' ? `g ${to}` : `e ${kind} ${to}`;
    drawing.edge(place, end, rate);
  }
}

function drawGroup(
  drawing: Drawing,
  upstream: string,
  peers: readonly PeerView[],
  rates: TrafficRates | null,
): void {
  const flow = rates?.upstreams.find((one) => one.upstream === upstream);
  const key = `g ${upstream}`;
  const own = { rate: flow?.attempts ?? 0, p95Ms: flow?.p95Ms ?? null };
  drawing.box({ key, column: 3, title: upstream, note: 'group', ...own });
  for (const { peer, state, backup } of peers) {
    const here = flow?.peers.find((one) => one.peer === peer);
    const rate = here?.attempts ?? 0;
    const end = `p ${upstream} ${peer}`;
    const p95Ms = here?.p95Ms ?? null;
    const note = backup ? `${state}, backup` : state;
    drawing.box({ key: end, column: 4, title: peer, note, rate, p95Ms, state, filter: `peer=${peer}` });
    drawing.edge(key, end, rate);
  }
}
