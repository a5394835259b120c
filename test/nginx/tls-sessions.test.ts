// Sessions of TLS, through nginx and through lbproxy: with tickets and without, in a cache and in none, with the client's certificate.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { Authority } from '../support/authority.ts';
import { nginxVersion } from '../support/nginx.ts';
import { type Pair, type Side, startPair } from './pair.ts';

/** On a port each. */
const PORTS: Readonly<Record<string, string>> = {
  'by default': '',
  'shared cache and tickets': 'ssl_session_cache shared:S:1m;',
  'shared cache': 'ssl_session_cache shared:S:1m; ssl_session_tickets off;',
  'another port with that cache': 'ssl_session_cache shared:S:1m; ssl_session_tickets off;',
  'builtin cache': 'ssl_session_cache builtin:100; ssl_session_tickets off;',
  'both caches': 'ssl_session_cache builtin shared:T:64k; ssl_session_tickets off;',
  'cache none': 'ssl_session_cache none; ssl_session_tickets off;',
  'cache off': 'ssl_session_cache off; ssl_session_tickets off;',
  'a key of a file': 'ssl_session_ticket_key {}/48.key; ssl_session_ticket_key {}/80.key;',
};
const NAMES = Object.keys(PORTS);

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** First visit and second one: port, server, certificate. */
type Stop = readonly [port: string, sni: string, as?: string];
const PAIRS: readonly (readonly [first: Stop, second: Stop])[] = [
  ...NAMES.map(
    (name) =>
      [
        [name, 'one.example'],
        [name, 'one.example'],
      ] as const,
  ),
  [
    ['shared cache', 'one.example'],
    ['another port with that cache', 'one.example'],
  ],
  [
    ['shared cache', 'one.example'],
    ['both caches', 'one.example'],
  ],
  [
    ['shared cache', 'one.example'],
    ['shared cache', 'mutual.example'],
  ],
  [
    ['shared cache', 'mutual.example', 'good'],
    ['shared cache', 'mutual.example'],
  ],
  [
    ['shared cache', 'mutual.example', 'stranger'],
    ['shared cache', 'mutual.example'],
  ],
  [
    ['by default', 'mutual.example', 'good'],
    ['by default', 'mutual.example'],
  ],
  [
    ['by default', 'mutual.example', 'stranger'],
    ['by default', 'mutual.example'],
  ],
  [
    ['shared cache', 'mutual.example', 'deep2'],
    ['shared cache', 'mutual.example'],
  ],
  [
    ['shared cache', 'notickets.example'],
    ['shared cache', 'notickets.example'],
  ],
  [
    ['by default', 'notickets.example'],
    ['by default', 'notickets.example'],
  ],
];

const CASES = PAIRS.flatMap(([first, second]) =>
  VERSIONS.map(
    (version) =>
      [`${first.join(' ')}, then ${second.join(' ')}, ${version}`, { first, second, version }] as const,
  ),
);

describe.skipIf(nginxVersion === '')('lbproxy resumes sessions as nginx', () => {
  const ca = new Authority();
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(configuration(ca));
  }, 60_000);
  afterAll(async () => {
    await pair?.close();
    ca.remove();
  });

  it.each(VERSIONS)(
    'gives no %s ticket to a client whose chain was too long, as the chain does not come again',
    async (version) => {
      for (const [side, second] of [
        [pair.nginx, '400  true'],
        [pair.lbproxy, `200 [.] NONE  ${version} false`],
      ] as const) {
        const one = await visit(ca, side, ['by default', 'mutual.example', 'deep2'], { maxVersion: version });
        const options = { maxVersion: version, session: one.session };
        expect(one.body).toBe('400  false');
        expect((await visit(ca, side, ['by default', 'mutual.example'], options)).body).toBe(second);
      }
    },
  );

  it.each(CASES)('%s', async (_title, { first, second, version }) => {
    const run = async (side: Side): Promise<readonly string[]> => {
      const one = await visit(ca, side, first, { maxVersion: version });
      const two = await visit(ca, side, second, { maxVersion: version, session: one.session });
      return [one.body, two.body];
    };
    const [nginx, lbproxy] = await Promise.all([run(pair.nginx), run(pair.lbproxy)]);
    expect(lbproxy).toEqual(nginx);
  });
});

async function visit(
  ca: Authority,
  side: Side,
  [port, sni, as = '']: Stop,
  options: ConnectionOptions,
): Promise<{ readonly body: string; readonly session: Buffer | undefined }> {
  const own = as === '' ? {} : { cert: ca.read(`${as}.crt`), key: ca.read(`${as}.key`) };
  const socket = connect({
    port: side.ports[NAMES.indexOf(port)],
    host: '127.0.0.1',
    servername: sni,
    rejectUnauthorized: false,
    ...own,
    ...options,
  });
  let session: Buffer | undefined;
  let text = '';
  socket.on('session', (given: Buffer) => {
    session = given;
  });
  socket.on('data', (chunk: Buffer) => {
    text += chunk.latin1Slice();
  });
  socket.setTimeout(8000, () => socket.destroy(new Error('nothing for 8 s')));
  socket.write(`GET / HTTP/1.1\r\nHost: ${sni}\r\nConnection: close\r\n\r\n`);
  await once(socket, 'end');
  const reused = socket.isSessionReused();
  socket.destroy();
  const [answer] = readAnswers(text);
  return { body: `${answer?.status} ${answer?.status === 200 ? answer.body : ''} ${reused}`, session };
}

function configuration(ca: Authority): string {
  ca.leaf('s', 's.example');
  ca.leaf('good', 'a client');
  ca.selfSigned('stranger', 'stranger');
  ca.leaf('mid1', 'mid1', { authority: true });
  ca.leaf('mid2', 'mid2', { authority: true, by: 'mid1' });
  ca.leaf('deep2', 'deep2', { by: 'mid2', chain: ['mid2', 'mid1'] });
  for (const bytes of [48, 80]) writeFileSync(ca.path(`${bytes}.key`), randomBytes(bytes));
  const server = (port: number, name: string, text: string): string =>
    `server { listen {port${port === 1 ? '' : port}} ssl; server_name ${name}.example; ${text}
      return 200 "[$ssl_session_reused] $ssl_client_verify $ssl_client_s_dn $ssl_protocol"; }`;
  return `ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {}/s.crt; ssl_certificate_key {}/s.key;
    ${Object.values(PORTS)
      .map((text, i) =>
        [
          server(i + 1, 'one', text),
          server(i + 1, 'mutual', `${text} ssl_verify_client optional; ssl_client_certificate {}/root.crt;`),
          server(i + 1, 'notickets', text.includes('tickets') ? text : `${text} ssl_session_tickets off;`),
        ].join('\n'),
      )
      .join('\n')}`.replaceAll('{}', ca.dir);
}
