// Scenarios of requests and answers.
import type { Setup } from '../contenders/contender.ts';
import type { HttpLoad } from '../load/http-load.ts';
import type { Scenario } from './scenario.ts';

const PLAIN: HttpLoad = { kind: 'http', connections: 64, path: '/48', answerBytes: 48 };

/** What a browser sends to an app that knows its visitor; Host and Connection come to it. */
const BROWSER_HEADERS: Readonly<Record<string, string>> = {
  'User-Agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  'Accept-Language': 'en-GB,en;q=0.9,de;q=0.8,zh-CN;q=0.7',
  'Accept-Encoding': 'identity',
  'Cache-Control': 'max-age=0',
  Pragma: 'no-cache',
  Cookie:
    'session=eyJ1aWQiOjQyMTMzNywiZXhwIjoxNzkzNjE2MDAwfQ.c2lnbmF0dXJl; csrftoken=V1StGXR8Z5jdHi6BmyT0aTq3vXkqz9Lw; ' +
    '_ga=GA1.1.1234567890.1793616000; _ga_ABCDEF1234=GS1.1.1793616000.12.1.1793616123.0.0.0; theme=dark; locale=en_GB',
  Referer: 'https://www.example.org/articles/2026/11/what-a-proxy-costs?page=2&sort=new',
  Origin: 'https://www.example.org',
  DNT: '1',
  'Sec-GPC': '1',
  'Upgrade-Insecure-Requests': '1',
  'Sec-Fetch-Dest': 'document',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Site': 'same-origin',
  'Sec-Fetch-User': '?1',
  'Sec-CH-UA': '"Chromium";v="141", "Not?A_Brand";v="24"',
  'Sec-CH-UA-Mobile': '?0',
  'Sec-CH-UA-Platform': '"Linux"',
  'Sec-CH-UA-Arch': '"x86"',
  'Sec-CH-UA-Model': '""',
  'If-None-Match': 'W/"5f2b-9c1mXQb0mD0o7l1r0zq3n2m4p5t"',
  'If-Modified-Since': 'Sun, 01 Nov 2026 22:13:05 GMT',
  Priority: 'u=0, i',
  'X-Requested-With': 'XMLHttpRequest',
  'X-CSRFToken': 'V1StGXR8Z5jdHi6BmyT0aTq3vXkqz9Lw',
  Authorization: 'Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI0MjEzMzcifQ.c2lnbmF0dXJlLW9mLWEtdG9rZW4',
  Traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

function row(
  name: string,
  about: string,
  load: Partial<HttpLoad>,
  more: Partial<Omit<Scenario<HttpLoad>, 'load'>> = {},
): Scenario<HttpLoad> {
  return { name, about, setup: {}, ...more, load: { ...PLAIN, ...load } };
}

const ROAD: readonly Scenario<HttpLoad>[] = [
  row('plain', '64 keep-alive connections, 48-byte answer', {}, { quick: true }),
  row(
    'headers',
    'a real browser’s and a real app’s heads: 30 fields each way',
    { path: '/headers', headers: BROWSER_HEADERS },
    { quick: true },
  ),
  row('down-16k', '16 KB answer', { path: '/16384', answerBytes: 16_384 }, { quick: true }),
  row('down-1m', '1 MB answer', { path: '/1048576', answerBytes: 2 ** 20, connections: 16 }),
  row(
    'up-64k',
    '64 KB request body',
    { method: 'POST', bodyBytes: 65_536, connections: 32 },
    { quick: true },
  ),
  row('up-1m', '1 MB request body', { method: 'POST', bodyBytes: 2 ** 20, connections: 16 }),
  row('chunked', '16 KB answer in chunks of 4 KB', { path: '/chunked/16384', answerBytes: 16_384 }),
  row('tls', 'TLS to the client, 64 keep-alive connections', {}, { setup: { tls: true }, quick: true }),
  row('close', 'a connection for every request', { close: true }, { quick: true }),
  row(
    'connections-1000',
    '1000 keep-alive connections',
    { connections: 1000 },
    { setup: { keepalive: 1024 } },
  ),
  row('log', 'an access log in the combined format', {}, { setup: { log: 'combined' } }),
];

const file = (name: string, bytes: number, more: Partial<HttpLoad> = {}): Scenario<HttpLoad> =>
  row(
    `static-${name}`,
    `a file of ${name}`,
    { path: `/static/${name}`, answerBytes: bytes, ...more },
    { setup: { staticRoot: true }, quick: name === '10k' },
  );

const STATIC: readonly Scenario<HttpLoad>[] = [
  file('1k', 1024),
  file('10k', 10_240),
  file('100m', 100 * 2 ** 20, { connections: 4 }),
];

/** The same load on a small and a large configuration; lbproxy is compared with itself. */
function scale(
  key: 'peers' | 'serverNames' | 'prefixes' | 'regexes',
  name: string,
  counts: readonly number[],
  load: Partial<HttpLoad> = {},
): readonly Scenario<HttpLoad>[] {
  return counts.map((count) => {
    const setup: Partial<Setup> = { [key]: count };
    const contenders = ['lbproxy', 'nginx (tuned)'];
    // Many peers: until each has its kept connection.
    const warmSeconds = count === 10_000 ? 6 : 2;
    return row(`${name}-${count}`, `${name}: ${count}`, load, {
      setup,
      contenders,
      family: name,
      warmSeconds,
    });
  });
}

const used = { headers: { Host: 'used.example' } };

const SCALE: readonly Scenario<HttpLoad>[] = [
  ...scale('peers', 'peers', [4, 1000, 10_000]),
  ...scale('serverNames', 'names', [1, 1000], used),
  ...scale('prefixes', 'prefixes', [1, 1000]),
  ...scale('regexes', 'regexes', [1, 100]),
];

const LATENCY: readonly Scenario<HttpLoad>[] = [
  row(
    'p99-70',
    'latency at 70 % of what the slower of lbproxy and nginx reaches, the same rate for all',
    { rateOfSlower: 0.7 },
    { figure: 'p99Ms', contenders: ['lbproxy', 'nginx (tuned)', 'HAProxy'], leastSeconds: 3 },
  ),
];

const CLUSTER: readonly Scenario<HttpLoad>[] = [1, 2].map((acceptors) =>
  row(
    `cluster-${acceptors}`,
    `acceptors: ${acceptors}; nobody is bound to a core`,
    { connections: 128 },
    {
      // A setup of its own, so that the one acceptor is not bound to a core either.
      setup: { acceptors, unpinned: true },
      contenders: ['lbproxy', 'nginx (tuned)'],
      family: 'cluster',
      figure: 'requestsPerSecond',
    },
  ),
);

export const HTTP_SCENARIOS: readonly Scenario<HttpLoad>[] = [
  ...ROAD,
  ...STATIC,
  ...SCALE,
  ...LATENCY,
  ...CLUSTER,
];
