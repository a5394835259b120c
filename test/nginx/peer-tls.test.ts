// TLS towards peers, through nginx and through lbproxy: what the peer is told, whom both trust, what the client gets when they do not.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../support/authority.ts';
import { nginxVersion } from '../support/nginx.ts';
import { startTlsPeer, type TlsPeer } from '../support/tls-peer.ts';
import { deadPort, startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { answerWith } from './echo-peer.ts';
import { askBoth, type Pair, request, type Side, startPair } from './pair.ts';

const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nplain';

const REDIRECT = (to: string): string =>
  answerWith(`HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`);

/** Location → what its settings say. PEER and the like are addresses, {} the directory of certificates. */
const LOCATIONS: Readonly<Record<string, string>> = {
  plain: 'proxy_pass https://PEER;',
  uri: 'proxy_pass https://PEER/base/;',
  group: 'proxy_pass https://group;',
  upper: 'proxy_pass HTTPS://group;',
  unix: 'proxy_pass https://unix:UNIX;',
  unixuri: 'proxy_pass https://unix:UNIX:/base/;',
  unixsni: 'proxy_ssl_server_name on; proxy_pass https://unix:UNIX:/;',
  sni: 'proxy_ssl_server_name on; proxy_pass https://group;',
  sniaddress: 'proxy_ssl_server_name on; proxy_pass https://PEER;',
  sniname: 'proxy_ssl_server_name on; proxy_ssl_name peer.example; proxy_pass https://PEER;',
  sniport: 'proxy_ssl_server_name on; proxy_ssl_name peer.example:8443; proxy_pass https://PEER;',
  snihost: 'proxy_ssl_server_name on; proxy_ssl_name $http_host; proxy_pass https://PEER;',
  sniarg: 'proxy_ssl_server_name on; proxy_ssl_name $arg_name; proxy_pass https://PEER;',
  sniempty: 'proxy_ssl_server_name on; proxy_ssl_name ""; proxy_pass https://PEER;',
  sniproxyhost: 'proxy_ssl_server_name on; proxy_ssl_name $proxy_host; proxy_pass https://group;',
  var: 'set $up group; proxy_ssl_server_name on; proxy_pass https://$up;',
  varuri: 'set $up group; proxy_pass https://$up$request_uri;',
  varscheme: 'set $to https; proxy_pass $to://group;',
  varplain: 'set $to http; proxy_pass $to://plain;',
  verify: 'proxy_ssl_name peer.example; proxy_ssl_verify on; proxy_pass https://PEER;',
  verifyarg: 'proxy_ssl_name $arg_name; proxy_ssl_verify on; proxy_pass https://PEER;',
  verifyaddress: 'proxy_ssl_verify on; proxy_pass https://PEER;',
  verifysni:
    'proxy_ssl_server_name on; proxy_ssl_name peer.example; proxy_ssl_verify on; proxy_pass https://PEER;',
  other: 'proxy_ssl_name other.example; proxy_ssl_verify on; proxy_pass https://PEER;',
  stranger:
    'proxy_ssl_name peer.example; proxy_ssl_verify on; proxy_ssl_trusted_certificate {}/stranger.crt; proxy_pass https://PEER;',
  expired: 'proxy_ssl_name old.example; proxy_ssl_verify on; proxy_pass https://EXPIRED;',
  expiredoff: 'proxy_pass https://EXPIRED;',
  early: 'proxy_ssl_name young.example; proxy_ssl_verify on; proxy_pass https://EARLY;',
  self: 'proxy_ssl_name self.example; proxy_ssl_verify on; proxy_pass https://SELF;',
  selftrusted:
    'proxy_ssl_name stranger.example; proxy_ssl_verify on; proxy_ssl_trusted_certificate {}/stranger.crt; proxy_pass https://SELF;',
  cn: 'proxy_ssl_name onlycn.example; proxy_ssl_verify on; proxy_pass https://ONLYCN;',
  cnupper: 'proxy_ssl_name ONLYCN.example; proxy_ssl_verify on; proxy_pass https://ONLYCN;',
  deep1: 'proxy_ssl_name deep1.example; proxy_ssl_verify on; proxy_pass https://DEEP1;',
  deep2: 'proxy_ssl_name deep2.example; proxy_ssl_verify on; proxy_pass https://DEEP2;',
  deep2ok:
    'proxy_ssl_name deep2.example; proxy_ssl_verify on; proxy_ssl_verify_depth 2; proxy_pass https://DEEP2;',
  deep0:
    'proxy_ssl_name peer.example; proxy_ssl_verify on; proxy_ssl_verify_depth 0; proxy_pass https://PEER;',
  deep1of0:
    'proxy_ssl_name deep1.example; proxy_ssl_verify on; proxy_ssl_verify_depth 0; proxy_pass https://DEEP1;',
  partial:
    'proxy_ssl_name deep1.example; proxy_ssl_verify on; proxy_ssl_trusted_certificate {}/mid1.crt; proxy_pass https://DEEP1;',
  crl: 'proxy_ssl_name revoked.example; proxy_ssl_verify on; proxy_ssl_crl {}/root.crl; proxy_pass https://REVOKED;',
  crlgood:
    'proxy_ssl_name peer.example; proxy_ssl_verify on; proxy_ssl_crl {}/root.crl; proxy_pass https://PEER;',
  crloff: 'proxy_ssl_name revoked.example; proxy_ssl_verify on; proxy_pass https://REVOKED;',
  crlmissing:
    'proxy_ssl_name deep1.example; proxy_ssl_verify on; proxy_ssl_crl {}/root.crl; proxy_pass https://DEEP1;',
  noclient: 'proxy_pass https://MUTUAL;',
  client:
    'proxy_ssl_certificate {}/client.crt; proxy_ssl_certificate_key {}/client.key; proxy_pass https://MUTUAL;',
  clientstranger:
    'proxy_ssl_certificate {}/stranger.crt; proxy_ssl_certificate_key {}/stranger.key; proxy_pass https://MUTUAL;',
  clientlocked:
    'proxy_ssl_certificate {}/client.crt; proxy_ssl_certificate_key {}/client.enc.key; proxy_ssl_password_file {}/passwords; proxy_pass https://MUTUAL;',
  clientvar:
    'proxy_ssl_certificate {}/$arg_who.crt; proxy_ssl_certificate_key {}/$arg_who.key; proxy_pass https://MUTUAL;',
  clientunasked:
    'proxy_ssl_certificate {}/client.crt; proxy_ssl_certificate_key {}/client.key; proxy_pass https://PEER;',
  tls12: 'proxy_ssl_protocols TLSv1.2; proxy_pass https://PEER;',
  tls13: 'proxy_ssl_protocols TLSv1.3; proxy_pass https://PEER;',
  tls12of13: 'proxy_ssl_protocols TLSv1.2; proxy_pass https://ONLY13;',
  gap: 'proxy_ssl_protocols TLSv1 TLSv1.3; proxy_pass https://ONLY12;',
  ciphers:
    'proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384; proxy_pass https://PEER;',
  nociphers:
    'proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384; proxy_pass https://PEER;',
  command: 'proxy_ssl_conf_command MaxProtocol TLSv1.2; proxy_pass https://PEER;',
  commands:
    'proxy_ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256; proxy_ssl_conf_command MinProtocol TLSv1.3; proxy_pass https://PEER;',
  reuse: 'proxy_ssl_session_reuse on; proxy_pass https://REUSE;',
  http: 'proxy_pass https://PLAIN;',
  tohttps: 'proxy_pass http://PEER;',
  dead: 'proxy_pass https://DEAD;',
  hangup: 'proxy_pass https://HANGUP;',
  reset: 'proxy_pass https://RESET;',
  silent: 'proxy_connect_timeout 300ms; proxy_pass https://SILENT;',
  next: 'proxy_ssl_name peer.example; proxy_ssl_verify on; proxy_pass https://mixed;',
  nextoff:
    'proxy_ssl_name peer.example; proxy_ssl_verify on; proxy_next_upstream timeout; proxy_pass https://bad;',
  // The second peer shakes hands within that time.
  nexttimeout: 'proxy_connect_timeout 2s; proxy_next_upstream timeout; proxy_pass https://slow;',
  nexterror: 'proxy_connect_timeout 300ms; proxy_next_upstream error; proxy_pass https://slowonly;',
  redirect: 'proxy_pass https://group;',
  redirecturi: 'proxy_pass https://group/base/;',
  redirectown: 'proxy_redirect https://$proxy_host/ /own/; proxy_pass https://group;',
};

const GETS = Object.keys(LOCATIONS).map(
  (name) => [name, request('GET', `/${name}/x?name=peer.example&who=client`)] as const,
);

const MORE: readonly (readonly [name: string, bytes: string])[] = [
  ...[
    'other.example',
    'a.wild.example',
    'a.b.wild.example',
    'wild.example',
    'PEER.EXAMPLE',
    'peer.example.',
    '',
    '127.0.0.1',
    '[::1]',
    'peer.example:443',
  ].flatMap((name): [string, string][] => [
    [`verify ${name}`, request('GET', `/verifyarg/?name=${name}`)],
    [`sni ${name}`, request('GET', `/sniarg/?name=${name}`)],
  ]),
  ...['client', 'stranger', 'nobody', ''].map((who): [string, string] => [
    `as ${who}`,
    request('GET', `/clientvar/?who=${who}`),
  ]),
  ...['plain', 'verify', 'client', 'unix', 'other', 'tls12'].flatMap((name): [string, string][] => [
    [`HEAD ${name}`, request('HEAD', `/${name}/h`)],
    [`POST ${name}`, request('POST', `/${name}/p`, ['Content-Length: 5'], 'hello')],
    [`PUT ${name}`, request('PUT', `/${name}/p`, ['Content-Length: 20000'], 'x'.repeat(20_000))],
    [
      `chunked ${name}`,
      request('POST', `/${name}/c`, ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    ],
  ]),
  ...['redirect', 'redirecturi', 'redirectown', 'varscheme', 'unix'].flatMap((name) =>
    ['https://group/base/a', 'http://group/base/a', 'https://group/a', 'https://other/a', '/a'].map(
      (to): [string, string] => [`${name} to ${to}`, request('GET', `/${name}/`, [REDIRECT(to)])],
    ),
  ),
  ['until close', request('GET', '/plain/', [answerWith('HTTP/1.1 200 OK\r\n\r\nall of it')])],
  ['until close, HEAD', request('HEAD', '/plain/', [answerWith('HTTP/1.1 200 OK\r\n\r\n')])],
  [
    'too short',
    request('GET', '/plain/', [answerWith('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort')]),
  ],
  ['no head', request('GET', '/plain/', [answerWith('')])],
  ['half a head', request('GET', '/plain/', [answerWith('HTTP/1.1 200 OK\r\nX-')])],
  [
    'chunks',
    request('GET', '/plain/', [
      answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
    ]),
  ],
  ['304', request('GET', '/plain/', [answerWith('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n')])],
  ['500', request('GET', '/plain/', [answerWith('HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno')])],
];

describe.skipIf(nginxVersion === '')('lbproxy speaks TLS to peers as nginx', () => {
  const ca = new Authority();
  const closing: { close(): Promise<void> }[] = [];
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(await configuration(ca, closing));
  }, 30_000);
  afterAll(async () => {
    await pair?.close();
    for (const one of closing) await one.close();
    ca.remove();
  });

  it.each([...GETS, ...MORE])('%s', async (_name, bytes) => {
    const { nginx, lbproxy } = await askBoth(pair, bytes);
    expect(lbproxy).toEqual(nginx);
  });

  it('logs the same of all of them', async () => {
    const linesOf = (side: Side): string[] => {
      side.flush();
      const text = readFileSync(join(side.dir, 'seen.log'), 'utf8');
      return text.trimEnd().split('\n');
    };
    await expect.poll(() => linesOf(pair.nginx).length).toBe(GETS.length + MORE.length);
    await expect.poll(() => linesOf(pair.lbproxy).length).toBe(GETS.length + MORE.length);
    // Which of several peers comes first the ones before have settled, the same for both.
    expect(linesOf(pair.lbproxy)).toEqual(linesOf(pair.nginx));
  });
});

async function configuration(ca: Authority, closing: { close(): Promise<void> }[]): Promise<string> {
  const addresses = await startPeers(ca, closing);
  const filled = (text: string): string =>
    text.replace(/\b[A-Z][A-Z0-9]+\b/g, (word) => addresses[word] ?? word).replaceAll('{}', ca.dir);
  const locations = Object.entries(LOCATIONS).map(([name, text]) => `location /${name}/ { ${text} }`);
  return filled(`
    upstream group { server PEER; } upstream plain { server PLAIN; }
    upstream mixed { server EXPIRED max_fails=0; server PEER max_fails=0; }
    upstream bad { server EXPIRED max_fails=0; server PEER backup; }
    upstream slow { server SILENT max_fails=0; server PEER backup; }
    upstream slowonly { server SILENT max_fails=0; server PEER backup; }
    proxy_http_version 1.1; keepalive_timeout 75s; proxy_ssl_protocols TLSv1.2 TLSv1.3;
    proxy_ssl_trusted_certificate ${ca.root};
    # nginx gives the sessions of a peer to all its locations, whoever they trust and whoever they are.
    proxy_ssl_session_reuse off;
    log_format seen '$uri $status $upstream_addr $upstream_status $proxy_host $proxy_port $upstream_bytes_received';
    server { listen {port}; server_name ref.example; access_log {dir}/seen.log seen;
      proxy_set_header X-Peer "$proxy_host $proxy_port"; proxy_set_header Host $proxy_host;
      ${locations.join('\n')} }`).replaceAll('unix:unix:', 'unix:');
}

async function startPeers(
  ca: Authority,
  closing: { close(): Promise<void> }[],
): Promise<Record<string, string>> {
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    closing.push(one);
    return one;
  };
  const at = async (peer: Promise<TlsPeer | TestPeer>): Promise<string> => keep(await peer).address;
  const good = ca.leaf('good', 'peer.example', { names: 'DNS:peer.example,DNS:*.wild.example,IP:127.0.0.1' });
  ca.leaf('client', 'a client');
  ca.encrypt('client', 'open sesame');
  ca.write('passwords', 'wrong\n\nopen sesame\n');
  const stranger = ca.selfSigned('stranger', 'stranger.example');
  ca.leaf('mid1', 'mid1', { authority: true });
  ca.leaf('mid2', 'mid2', { authority: true, by: 'mid1' });
  const deep1 = ca.leaf('deep1', 'deep1.example', { by: 'mid1', chain: ['mid1'] });
  const deep2 = ca.leaf('deep2', 'deep2.example', { by: 'mid2', chain: ['mid2', 'mid1'] });
  const revoked = ca.leaf('revoked', 'revoked.example');
  ca.revoke('revoked');
  const expired = ca.leaf('expired', 'old.example', { from: '20200101000000Z', to: '20210101000000Z' });
  const early = ca.leaf('early', 'young.example', { from: '20400101000000Z', to: '20410101000000Z' });
  const mutual = { requestCert: true, rejectUnauthorized: true, ca: ca.read('root.crt') };
  return {
    PEER: await at(startTlsPeer(good)),
    UNIX: await at(startTlsPeer(good, { path: ca.path('peer.sock') })),
    EXPIRED: await at(startTlsPeer(expired)),
    EARLY: await at(startTlsPeer(early)),
    SELF: await at(startTlsPeer(stranger)),
    ONLYCN: await at(startTlsPeer(ca.leaf('onlycn', 'onlycn.example'))),
    DEEP1: await at(startTlsPeer(deep1)),
    DEEP2: await at(startTlsPeer(deep2)),
    REVOKED: await at(startTlsPeer(revoked)),
    MUTUAL: await at(startTlsPeer(good, mutual)),
    REUSE: await at(startTlsPeer(good)),
    ONLY12: await at(startTlsPeer(good, { maxVersion: 'TLSv1.2' })),
    ONLY13: await at(startTlsPeer(good, { minVersion: 'TLSv1.3' })),
    PLAIN: await at(startRawUpstream((socket) => socket.once('data', () => socket.end(PLAIN)))),
    DEAD: `127.0.0.1:${await deadPort()}`,
    HANGUP: await at(startRawUpstream((socket) => socket.end())),
    RESET: await at(startRawUpstream((socket) => socket.once('data', () => socket.resetAndDestroy()))),
    SILENT: await at(startRawUpstream((socket) => socket.resume())),
  };
}
