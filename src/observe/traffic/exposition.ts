// A snapshot as Prometheus reads it: its text format 0.0.4, or OpenMetrics 1.0, which differ in a few words. Pure.
import { BOUNDS_MS } from './buckets.ts';
import { type Family, type Sample, writeFamily } from './family.ts';
import type {
  AcceptorSnapshot,
  LatencySnapshot,
  LocationSnapshot,
  PeerSnapshot,
  ProgramSnapshot,
  TrafficSnapshot,
} from './snapshot.ts';

interface Source extends Family {
  readonly samples: (snapshot: TrafficSnapshot) => readonly Sample[];
}

export function metricsText(snapshot: TrafficSnapshot, openMetrics: boolean): string {
  const lines: string[] = [];
  for (const source of SOURCES) writeFamily(source, source.samples(snapshot), openMetrics, lines);
  if (openMetrics) lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

/** All names that samples can have. */
export function metricNames(): string[] {
  return SOURCES.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
}

type Labels = Sample['labels'];

/** Milliseconds that a histogram shows: bounds of its buckets all of them. */
const SHOWN_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000];
const SHOWN = SHOWN_MS.map((ms) => ({ bucket: BOUNDS_MS.indexOf(ms), le: ms / 1000 }));

function ofLocations(count: (one: LocationSnapshot) => number): Source['samples'] {
  return eachLocation((one, labels) => [{ labels, value: count(one) }]);
}

function eachLocation(make: (one: LocationSnapshot, labels: Labels) => Sample[]): Source['samples'] {
  return ({ servers }) =>
    servers.flatMap(({ server, locations }) =>
      locations.flatMap((one) =>
        make(one, [
          ['server', server],
          ['location', one.location],
        ]),
      ),
    );
}

function ofPeers(count: (one: PeerSnapshot) => number): Source['samples'] {
  return eachPeer((one, labels) => [{ labels, value: count(one) }]);
}

function eachPeer(make: (one: PeerSnapshot, labels: Labels) => Sample[]): Source['samples'] {
  return ({ upstreams }) =>
    upstreams.flatMap(({ upstream, peers }) =>
      peers.flatMap((one) =>
        make(one, [
          ['upstream', upstream],
          ['peer', one.peer],
        ]),
      ),
    );
}

/** A sample for each of the counts, its name as a label. */
function byLabel(label: string, counts: Readonly<Record<string, number>>, labels: Labels): Sample[] {
  return Object.entries(counts).map(([name, value]) => ({ labels: [...labels, [label, name]], value }));
}

function histogram({ buckets, count, sumMs }: LatencySnapshot, labels: Labels): Sample[] {
  const samples: Sample[] = [];
  let [seen, i] = [0, 0];
  for (const { bucket, le } of SHOWN) {
    for (; i < buckets.length && buckets[i] <= bucket; i += 2) seen += buckets[i + 1];
    samples.push({ end: '_bucket', labels: [...labels, ['le', leText(le)]], value: seen });
  }
  samples.push(
    { end: '_bucket', labels: [...labels, ['le', '+Inf']], value: count },
    { end: '_sum', labels, value: sumMs / 1000 },
    { end: '_count', labels, value: count },
  );
  return samples;
}

/** OpenMetrics wants it so, and to the older format it is all the same. */
function leText(le: number): string {
  return Number.isInteger(le) ? le.toFixed(1) : String(le);
}

function ofAcceptors(number: (one: AcceptorSnapshot) => number): Source['samples'] {
  return ({ acceptors }) =>
    acceptors.map((one) => ({ labels: [['acceptor', String(one.id)]], value: number(one) }));
}

function ofPrograms(make: (one: ProgramSnapshot, labels: Labels) => Sample[]): Source['samples'] {
  return ({ programs }) => programs.flatMap((one) => make(one, [['program', one.program]]));
}

function one(number: (snapshot: TrafficSnapshot) => number): Source['samples'] {
  return (snapshot) => [{ labels: [], value: number(snapshot) }];
}

function counter(name: string, help: string, samples: Source['samples']): Source {
  return { name: `lbproxy_${name}_total`, type: 'counter', help, samples };
}

function gauge(name: string, help: string, samples: Source['samples']): Source {
  return { name: `lbproxy_${name}`, type: 'gauge', help, samples };
}

const REQUESTS: readonly Source[] = [
  counter(
    'requests',
    'Requests that ended, by the status of their answer (000: none).',
    eachLocation(({ statuses }, labels) => byLabel('code', statuses, labels)),
  ),
  {
    name: 'lbproxy_request_duration_seconds',
    type: 'histogram',
    help: 'From the head of a request to the end of its answer; of an upgrade to its 101.',
    samples: eachLocation(({ latency }, labels) => histogram(latency, labels)),
  },
  counter(
    'request_bytes',
    'Bytes of requests, heads and bodies.',
    ofLocations((each) => each.bytesIn),
  ),
  counter(
    'response_bytes',
    'Bytes of answers, heads and bodies.',
    ofLocations((each) => each.bytesOut),
  ),
];

const UPSTREAMS: readonly Source[] = [
  counter(
    'upstream_attempts',
    'Tries of requests on peers, by how they ended.',
    eachPeer(({ outcomes }, labels) => byLabel('outcome', outcomes, labels)),
  ),
  counter(
    'upstream_responses',
    'Answers of peers, by the class of their status.',
    eachPeer(({ classes }, labels) => byLabel('code', classes, labels)),
  ),
  {
    name: 'lbproxy_upstream_attempt_duration_seconds',
    type: 'histogram',
    help: 'From the choice of a peer to the end of its answer, or to its failure.',
    samples: eachPeer(({ latency }, labels) => histogram(latency, labels)),
  },
  counter(
    'upstream_sent_bytes',
    'Bytes sent to peers.',
    ofPeers((each) => each.bytesSent),
  ),
  counter(
    'upstream_received_bytes',
    'Bytes received from peers.',
    ofPeers((each) => each.bytesReceived),
  ),
];

const CONNECTIONS: readonly Source[] = [
  counter(
    'connections_accepted',
    'Connections of clients that came.',
    one(({ connections }) => connections.accepted),
  ),
  counter(
    'connections_handled',
    'Connections of clients that were served.',
    one(({ connections }) => connections.handled),
  ),
  gauge('connections', 'Connections of clients, by what they do.', ({ connections }) =>
    (['reading', 'writing', 'waiting'] as const).map((state) => ({
      labels: [['state', state]],
      value: connections[state],
    })),
  ),
];

const ACCEPTORS: readonly Source[] = [
  gauge(
    'acceptors',
    'Processes that serve clients.',
    one(({ acceptors }) => acceptors.length),
  ),
  counter(
    'acceptor_deaths',
    'Acceptors that ended though nobody had told them to.',
    one(({ acceptorDeaths }) => acceptorDeaths),
  ),
  counter(
    'acceptor_requests',
    'Requests that ended in an acceptor.',
    ofAcceptors(({ requests }) => requests),
  ),
  counter(
    'acceptor_cpu_seconds',
    'CPU time of an acceptor.',
    ofAcceptors(({ cpuMs }) => cpuMs / 1000),
  ),
  gauge(
    'acceptor_heap_bytes',
    'Heap that an acceptor uses.',
    ofAcceptors(({ heapBytes }) => heapBytes),
  ),
  gauge(
    'acceptor_resident_memory_bytes',
    'Memory that an acceptor has.',
    ofAcceptors(({ rssBytes }) => rssBytes),
  ),
  gauge(
    'acceptor_event_loop_delay_max_seconds',
    'The longest that the event loop of an acceptor was late lately.',
    ofAcceptors(({ loopMaxMs }) => loopMaxMs / 1000),
  ),
  gauge(
    'acceptor_event_loop_delay_p99_seconds',
    'What 99 of 100 turns of the event loop of an acceptor were not later than lately.',
    ofAcceptors(({ loopP99Ms }) => loopP99Ms / 1000),
  ),
];

const PROGRAMS: readonly Source[] = [
  gauge(
    'program_processes',
    'Processes of a program, by state.',
    ofPrograms(({ states }, labels) => byLabel('state', states, labels)),
  ),
  gauge(
    'program_processes_ready',
    'Processes of a program that take requests (or run, where they have no port).',
    ofPrograms(({ ready }, labels) => [{ labels, value: ready }]),
  ),
  counter(
    'program_restarts',
    'Starts of processes of a program after their first.',
    ofPrograms(({ restarts }, labels) => [{ labels, value: restarts }]),
  ),
];

const PRIMARY: readonly Source[] = [
  gauge('build_info', 'The version that runs, as a label.', ({ version }) => [
    { labels: [['version', version]], value: 1 },
  ]),
  gauge(
    'start_time_seconds',
    'When lbproxy started, since the epoch.',
    one(({ startedAtMs }) => startedAtMs / 1000),
  ),
  counter('config_reloads', 'Reloads of the configuration, by what came of them.', ({ reloads }) =>
    (['done', 'refused'] as const).map((result) => ({
      labels: [['result', result]],
      value: reloads[result],
    })),
  ),
  gauge(
    'config_last_reload_successful',
    'Whether the latest reload was done (1), or refused (0).',
    one(({ reloads }) => Number(reloads.lastOk)),
  ),
  gauge(
    'config_last_reload_success_timestamp_seconds',
    'When the configuration that runs came, since the epoch.',
    one(({ reloads }) => reloads.lastDoneAtMs / 1000),
  ),
  gauge('certificate_not_after_timestamp_seconds', 'When a certificate ends, since the epoch.', (snapshot) =>
    snapshot.certificates.map(({ file, name, notAfterMs }) => ({
      labels: [
        ['file', file],
        ['name', name],
      ],
      value: notAfterMs / 1000,
    })),
  ),
  counter('trace_spans', 'Spans of traces, by what came of them.', ({ spans }) =>
    (['sent', 'dropped'] as const).map((result) => ({ labels: [['result', result]], value: spans[result] })),
  ),
];

const SOURCES: readonly Source[] = [
  ...PRIMARY,
  ...CONNECTIONS,
  ...REQUESTS,
  ...UPSTREAMS,
  ...ACCEPTORS,
  ...PROGRAMS,
];
