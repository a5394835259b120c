// What `lbproxy top` shows: readings → lines. Pure; screen.ts puts them on the terminal.
import { durationText, requestLine } from '../../observe/request-line.ts';
import { toBytes } from '../../route/template.ts';
import type { ProcessView } from '../../supervise/control/face.ts';
import type { Listed } from './live-client.ts';
import type { PeerLine, Reading } from './readings.ts';
import {
  agoText,
  bytesText,
  type Cell,
  type Look,
  line,
  rateText,
  type Style,
  styled,
  table,
} from './table.ts';

export const VIEWS = ['overview', 'peers', 'programs', 'requests'] as const;
export type ViewName = (typeof VIEWS)[number];

/** How a view is looked at. */
export interface Choice {
  /** Of peers and processes: which line is chosen. Of requests: how many of the newest are passed over. */
  readonly chosen: number;
  readonly filter: string;
}

/** As many lines as there are rows in `look`, or fewer. */
export function viewLines(name: ViewName, reading: Reading, choice: Choice, look: Look): string[] {
  switch (name) {
    case 'overview':
      return overview(reading, choice, look);
    case 'peers':
      return windowed(look, choice.chosen, (part) => peers(reading.peers, look, part), reading.peers.length);
    case 'programs':
      return programs(reading, choice, look);
    default:
      return requests(reading, choice, look);
  }
}

function overview(reading: Reading, choice: Choice, look: Look): string[] {
  const head = [...totals(reading, look), ''];
  const most = Math.max(3, Math.floor((look.rows - head.length) / 3));
  const shownPeers = peers(reading.peers, look, { from: 0, to: most, chosen: -1 });
  const more = reading.peers.length - most;
  const table = [...shownPeers, ...(more > 0 ? [line(look, `  and ${more} more (2)`, 'gray')] : []), ''];
  const above = [...head, ...(reading.peers.length === 0 ? [] : table)];
  return [
    ...above,
    ...requests(reading, { ...choice, chosen: 0 }, { ...look, rows: look.rows - above.length }),
  ];
}

function totals({ rates, traffic }: Reading, look: Look): string[] {
  const { total } = rates;
  const ms = (value: number | null): string => (value === null ? '-' : durationText(value));
  const statuses = Object.entries(traffic.total.statuses).sort();
  const { connections, acceptors } = traffic;
  const classes = ['2xx', '3xx', '4xx', '5xx'].map((name) =>
    styled(
      look,
      total.classes[name] === undefined ? 'gray' : CLASS_STYLE[name],
      `${name} ${rateText(total.classes[name] ?? 0)}/s`,
    ),
  );
  return [
    `${styled(look, 'bold', `${rateText(total.requests)} requests/s`)}   ${classes.join('   ')}`,
    line(
      look,
      `p50 ${ms(total.p50Ms)}   p95 ${ms(total.p95Ms)}   p99 ${ms(total.p99Ms)}   in ${bytesText(total.bytesIn)}/s   out ${bytesText(total.bytesOut)}/s`,
    ),
    line(
      look,
      `connections ${connections.active} (reading ${connections.reading}, writing ${connections.writing}, waiting ${connections.waiting})   ${acceptors.length} acceptor${acceptors.length === 1 ? '' : 's'}`,
    ),
    line(
      look,
      `since the start: ${traffic.total.requests} requests   ${statuses.map(([status, n]) => `${status} ×${n}`).join('  ')}`,
      'gray',
    ),
    ...(traffic.counting ? [] : [line(look, NOT_COUNTED, 'yellow')]),
  ];
}

const NOT_COUNTED =
  'traffic is not counted: write "count_traffic on;" in http (JSON: "count_traffic": "on") and reload';

const CLASS_STYLE: Readonly<Record<string, Style>> = {
  '2xx': 'green',
  '3xx': 'cyan',
  '4xx': 'yellow',
  '5xx': 'red',
};

interface Part {
  readonly from: number;
  readonly to: number;
  readonly chosen: number;
}

/** The rows around the chosen one that there is room for below a heading. */
function windowed(look: Look, chosen: number, show: (part: Part) => string[], count: number): string[] {
  const room = Math.max(1, look.rows - 1);
  const from = Math.max(0, Math.min(chosen - Math.floor(room / 2), count - room));
  return show({ from, to: from + room, chosen: chosen - from });
}

const PEER_COLUMNS = [
  { title: 'UPSTREAM', width: 10, share: 2 },
  { title: 'PEER', width: 15, share: 2 },
  { title: 'STATE', width: 6 },
  { title: 'WEIGHT', width: 6, right: true },
  { title: 'ACTIVE', width: 6, right: true },
  { title: 'REQ/S', width: 6, right: true },
  { title: 'FAILED', width: 6, right: true },
  { title: 'LAST CAUSE', width: 15, share: 2 },
] as const;

const STATE_STYLE: Readonly<Record<PeerLine['state'], Style>> = {
  up: 'green',
  down: 'red',
  drain: 'yellow',
  failed: 'red',
  '': 'gray',
};

function peers(all: readonly PeerLine[], look: Look, { from, to, chosen }: Part): string[] {
  if (all.length === 0) return [line(look, '  no peers: nothing is proxied', 'gray')];
  const rows = all
    .slice(from, to)
    .map((peer): Cell[] => [
      { text: peer.upstream },
      { text: peer.process === '' ? peer.peer : `${peer.peer} (${peer.process})` },
      { text: peer.state, style: STATE_STYLE[peer.state] },
      { text: peer.state === '' ? '' : `${peer.weight}${peer.backup ? ' b' : ''}` },
      { text: peer.state === '' ? '' : String(peer.active) },
      { text: rateText(peer.rate) },
      { text: String(peer.failures), style: peer.failures > 0 ? 'yellow' : undefined },
      { text: whyOf(peer), style: 'red' },
    ]);
  return table(look, PEER_COLUMNS, rows, chosen);
}

/** A peer that is out by somebody's wish says so; else what failed last says more than how often. */
function whyOf({ state, why, lastCause }: PeerLine): string {
  return lastCause === '' || state === 'down' || state === 'drain' ? why || lastCause : lastCause;
}

const PROGRAM_COLUMNS = [
  { title: 'PROGRAM', width: 10, share: 1 },
  { title: 'PROCESS', width: 12, share: 1 },
  { title: 'STATE', width: 8 },
  { title: 'PID', width: 7, right: true },
  { title: 'PORT', width: 5, right: true },
  { title: 'UPTIME', width: 7, right: true },
  { title: 'RESTARTS', width: 8, right: true },
  { title: 'PROBLEM', width: 7, share: 2 },
] as const;

export const processesOf = ({ programs }: Reading): readonly ProcessView[] =>
  programs.flatMap(({ processes }) => processes);

function programs(reading: Reading, { chosen }: Choice, look: Look): string[] {
  const all = processesOf(reading);
  if (all.length === 0) return [line(look, '  no programs in this configuration', 'gray')];
  const now = reading.traffic.atMs;
  const rowOf = (p: ProcessView): Cell[] => [
    { text: p.program },
    { text: p.name },
    { text: p.state, style: p.state === 'RUNNING' ? (p.ready ? 'green' : 'yellow') : 'red' },
    { text: p.pid === 0 ? '' : String(p.pid) },
    { text: p.port === null ? '' : String(p.port) },
    { text: p.pid === 0 || p.startedAtMs === 0 ? '' : agoText(p.startedAtMs, now) },
    { text: String(p.restarts), style: p.restarts > 0 ? 'yellow' : undefined },
    { text: p.problem ?? (p.pid !== 0 && !p.ready ? 'starts' : ''), style: 'red' },
  ];
  const show = ({ from, to, chosen: at }: Part): string[] =>
    table(look, PROGRAM_COLUMNS, all.slice(from, to).map(rowOf), at);
  return windowed(look, chosen, show, all.length);
}

/** The newest at the top. */
function requests({ requests: all, noRequests }: Reading, { chosen, filter }: Choice, look: Look): string[] {
  const title = filter === '' ? 'NEWEST REQUESTS' : `NEWEST REQUESTS  ${filter}`;
  const room = Math.max(0, look.rows - 1);
  const shown = all.toReversed().slice(chosen, chosen + room);
  const lines = shown.map((request) => requestText(request, look));
  const nothing = filter === '' ? 'none yet' : 'no request of those that are kept is like this';
  const none = noRequests === '' ? nothing : noRequests;
  return [
    line(look, title, 'bold'),
    ...(all.length === 0 && room > 0 ? [line(look, none, noRequests === '' ? 'gray' : 'yellow')] : lines),
  ];
}

function requestText(request: Listed, { columns, colours }: Look): string {
  const { at, method, target, status, ms, attempts, failure } = request;
  const first = attempts[0]?.outcome ?? 'ok';
  const wasLost = attempts.length > 1 && first !== 'ok' && first !== 'pending';
  const facts = {
    time: new Date(at),
    method,
    target: toBytes(target),
    status,
    ms: Math.max(0, ms),
    peer: attempts.at(-1)?.peer ?? '',
    attempts: attempts.length,
    cause: failure !== '' ? failure : ms < 0 ? 'under way' : wasLost ? first : '',
  };
  return requestLine(facts, { columns, colours });
}
