// suwsgi://, through nginx and through lbproxy: what the app gets within TLS, whom both trust, what the client gets when they do not.
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../support/authority.ts';
import { nginxVersion } from '../support/nginx.ts';
import { handshakeOf, startTlsPeer, type TlsPeer } from '../support/tls-peer.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

/** Location → what its settings say. */
const LOCATIONS: Readonly<Record<string, string>> = {
  plain: 'uwsgi_pass suwsgi://PEER;',
  upper: 'uwsgi_pass SUWSGI://group;',
  group: 'uwsgi_ssl_server_name on; uwsgi_pass suwsgi://group;',
  name: 'uwsgi_ssl_server_name on; uwsgi_ssl_name app.example; uwsgi_pass suwsgi://PEER;',
  verify: 'uwsgi_ssl_name app.example; uwsgi_ssl_verify on; uwsgi_pass suwsgi://PEER;',
  other: 'uwsgi_ssl_name other.example; uwsgi_ssl_verify on; uwsgi_pass suwsgi://PEER;',
  usual: 'uwsgi_ssl_verify on; uwsgi_pass suwsgi://group;',
  var: 'set $to group; uwsgi_pass suwsgi://$to;',
  varscheme: 'set $to suwsgi://group; uwsgi_pass $to;',
  varrest: 'set $to wsgi://group; uwsgi_pass su$to;',
  varplain: 'set $to uwsgi://bare; uwsgi_pass $to;',
  varnone: 'set $to bare; uwsgi_pass $to;',
  bare: 'uwsgi_pass bare;',
  wrong: 'uwsgi_pass uwsgi://PEER;',
  wrong2: 'uwsgi_pass suwsgi://bare;',
  own: 'uwsgi_ssl_certificate CA/own.crt; uwsgi_ssl_certificate_key CA/own.key; uwsgi_pass suwsgi://PEER;',
  old: 'uwsgi_ssl_protocols TLSv1.2; uwsgi_ssl_ciphers HIGH; uwsgi_pass suwsgi://PEER;',
};

/** Answers one packet without a body with its bytes; `said`: what the handshake said. */
function serve(socket: Socket, said: string): void {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.latin1Slice();
    if (text.length < 4 || text.length < 4 + text.charCodeAt(1) + 256 * text.charCodeAt(2)) {
      // What is no packet is not waited for.
      if (text.charCodeAt(0) !== 0) socket.end();
      return;
    }
    socket.end(`HTTP/1.1 203 Seen\r\nX-Said: ${said}\r\n\r\n${text}`, 'latin1');
  });
  socket.on('end', () => socket.end());
}

describe.skipIf(nginxVersion === '')('suwsgi://', () => {
  const ca = new Authority();
  let peer: TlsPeer;
  let bare: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    ca.leaf('own', 'own.example');
    const leaf = ca.leaf('app', 'app.example', { names: 'DNS:app.example' });
    const options = { requestCert: true, rejectUnauthorized: false, ca: ca.read('root.crt') };
    peer = await startTlsPeer(leaf, { ...options, serve: (socket) => serve(socket, handshakeOf(socket)) });
    bare = await startRawUpstream((socket) => serve(socket, 'nothing'));
    const locations = Object.entries(LOCATIONS).map(([name, text]) => `location /${name}/ { ${text} }`);
    const text = `upstream group { server PEER; } upstream bare { server BARE max_fails=0; }
      uwsgi_ssl_trusted_certificate ${ca.root}; uwsgi_ssl_protocols TLSv1.2 TLSv1.3; uwsgi_ssl_session_reuse off;
      server { listen {port}; server_name ref.example; uwsgi_param REQUEST_URI $request_uri; ${locations.join('\n')} }`;
    pair = await startPair(
      text.replaceAll('PEER', peer.address).replaceAll('BARE', bare.address).replaceAll('CA/', `${ca.dir}/`),
    );
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    await bare?.close();
    ca.remove();
  });

  it.each(Object.keys(LOCATIONS))('%s', async (name) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', `/${name}/x`, ['X-A: b']));
    expect(lbproxy).toEqual(nginx);
  });
});
