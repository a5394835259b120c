// Metrics of lbproxy itself: connections, acceptors, programs, the primary.
import type { Sample } from './family.ts';
import type { AcceptorSnapshot, ProgramSnapshot } from './snapshot.ts';
import { byLabel, counter, gauge, type Labels, one, type Source } from './source.ts';

function ofAcceptors(number: (one: AcceptorSnapshot) => number): Source['samples'] {
  return ({ acceptors }) =>
    acceptors.map((one) => ({ labels: [['acceptor', String(one.id)]], value: number(one) }));
}

function ofPrograms(make: (one: ProgramSnapshot, labels: Labels) => Sample[]): Source['samples'] {
  return ({ programs }) => programs.flatMap((one) => make(one, [['program', one.program]]));
}

export const CONNECTIONS: readonly Source[] = [
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

export const ACCEPTORS: readonly Source[] = [
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

export const PROGRAMS: readonly Source[] = [
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

export const PRIMARY: readonly Source[] = [
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
