// Metrics of what passes: requests by server and location, attempts by upstream and peer.
import type { Sample } from './family.ts';
import type { LocationSnapshot, PeerSnapshot } from './snapshot.ts';
import { byLabel, counter, gauge, histogram, type Labels, type Source } from './source.ts';

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
  return eachPeer((one, labels) => (one.attempts === 0 ? [] : [{ labels, value: count(one) }]));
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

export const REQUESTS: readonly Source[] = [
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

export const UPSTREAMS: readonly Source[] = [
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
    samples: eachPeer(({ latency }, labels) => (latency.count === 0 ? [] : histogram(latency, labels))),
  },
  gauge(
    'upstream_peer_up',
    'Whether a peer takes requests (1), or is out as it failed or is down (0).',
    eachPeer(({ now }, labels) => (now === null ? [] : [{ labels, value: Number(now.state === 'up') }])),
  ),
  gauge(
    'upstream_peer_active',
    'Requests that are under way on a peer.',
    eachPeer(({ now }, labels) => (now === null ? [] : [{ labels, value: now.active }])),
  ),
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
