// TLS towards clients, through nginx and through lbproxy: who is asked for a certificate and what becomes of it, what variables say, which
// of the settings are those of the server that is named, and which of the default one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../support/authority.ts';
import { nginxVersion } from '../support/nginx.ts';
import { opensslClient } from '../support/openssl-client.ts';
import { exchangeOnce } from '../support/wire.ts';
import { type Comparable, comparable, type Pair, type Side, startPair } from './pair.ts';

const OF_TLS = [
  ...[
    'protocol',
    'cipher',
    'ciphers',
    'curve',
    'curves',
    'server_name',
    'session_reused',
    'alpn_protocol',
    'early_data',
  ],
  ...[
    'client_verify',
    'client_s_dn',
    'client_i_dn',
    'client_s_dn_legacy',
    'client_i_dn_legacy',
    'client_serial',
  ],
  ...['client_fingerprint', 'client_v_start', 'client_v_end', 'client_v_remain', 'client_escaped_cert'],
];
const SHOWN = `${OF_TLS.map((name) => `${name}=[$ssl_${name}]`).join(' ')} https=[$https] id=[$idlength] in $server_name`;

/** Server → what its block says. {} is the directory of certificates. */
const SERVERS: Readonly<Record<string, string>> = {
  'on.example': `${certificate('s1')} ssl_verify_client on; ssl_client_certificate {}/root.crt;`,
  'opt.example': `${certificate('s2')} ssl_verify_client optional; ssl_client_certificate {}/root.crt;`,
  'noca.example': `${certificate('s2')} ssl_verify_client optional_no_ca; ssl_client_certificate {}/root.crt;`,
  'nobody.example': `${certificate('s2')} ssl_verify_client optional_no_ca;`,
  'off.example': `${certificate('s2')} ssl_client_certificate {}/root.crt;`,
  'bare.example': 'ssl_verify_client on;',
  'bareoff.example': '',
  'deep.example': `${certificate('s2')} ssl_verify_client on; ssl_client_certificate {}/root.crt; ssl_verify_depth 2;`,
  'flat.example': `${certificate('s2')} ssl_verify_client on; ssl_client_certificate {}/root.crt; ssl_verify_depth 0;`,
  'noflat.example': `${certificate('s2')} ssl_verify_client optional_no_ca; ssl_client_certificate {}/root.crt; ssl_verify_depth 0;`,
  'crl.example': `${certificate('s2')} ssl_verify_client on; ssl_client_certificate {}/root.crt; ssl_crl {}/root.crl;`,
  'more.example': `${certificate('s2')} ssl_verify_client on; ssl_client_certificate {}/root.crt; ssl_trusted_certificate {}/stranger.crt;`,
  'reject.example': 'ssl_reject_handshake on;',
  'pages.example': `${certificate('s2')} ssl_verify_client on; ssl_client_certificate {}/root.crt;
     error_page 495 =403 /cert; error_page 496 /none; error_page 421 /mis; error_page 400 /bad;
     location = /cert { return 200 "cert $ssl_client_verify"; } location = /none { return 200 none; } location = /mis { return 200 mis; }`,
  'chacha.example': `${certificate('s2')} ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305; ssl_prefer_server_ciphers on;`,
  '*.wild.example': `${certificate('s2')} ssl_verify_client optional; ssl_client_certificate {}/root.crt;`,
};

function certificate(file: string): string {
  return `ssl_certificate {}/${file}.crt; ssl_certificate_key {}/${file}.key;`;
}

/** On ports of their own, from {port2} on: block → whether tickets, caches … */
const PORTS: readonly string[] = [
  // 2: one server only, so that no name leads anywhere.
  `server_name one.example; ${certificate('s1')} ssl_verify_client on; ssl_client_certificate {}/root.crt;`,
  // 3, 4: one version.
  `server_name one.example; ${certificate('s1')} ssl_protocols TLSv1.2; ssl_ecdh_curve secp384r1;`,
  `server_name one.example; ${certificate('s1')} ssl_protocols TLSv1.3; ssl_ecdh_curve secp384r1:prime256v1;`,
  // 5: several certificates, the last of a kind holds.
  `server_name one.example; ${certificate('s2')} ${certificate('s1')} ${certificate('rsa')} ssl_protocols TLSv1.2;`,
  // 6: by variables.
  `server_name ~^(?<who>.+)\\.example$; ssl_certificate {}/$byname.crt; ssl_certificate_key {}/$byname.key;`,
  // 7: a passphrase, an order of its own, DHE.
  `server_name one.example; ssl_certificate {}/rsa.crt; ssl_certificate_key {}/rsa.enc.key; ssl_password_file {}/passwords;
   ssl_prefer_server_ciphers on; ssl_ciphers DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384; ssl_dhparam {}/dh.pem; ssl_protocols TLSv1.2;`,
  // 8: everybody is refused who names nobody.
  'ssl_reject_handshake on; server_name _;',
];

interface Visit {
  /** Index of the port, from 0. */
  readonly port?: number;
  readonly sni: string;
  readonly host?: string;
  /** File of the client's certificate. */
  readonly as?: string;
  readonly path?: string;
  readonly tls?: ConnectionOptions;
  /** Instead of a GET. */
  readonly bytes?: string;
}

const names = Object.keys(SERVERS).map((name) => name.replace('*', 'a'));
const CLIENTS = ['', 'good', 'stranger', 'deep1', 'deep2', 'revoked', 'old', 'young'];

const VISITS: readonly Visit[] = [
  ...names
    .flatMap((sni) => CLIENTS.map((as): Visit => ({ sni, as })))
    .filter(
      // OpenSSL has several errors to choose from.
      ({ sni, as }) => sni !== 'crl.example' || as !== 'deep2',
    ),
  // Names that lead to no server, and none.
  ...['', 'unknown.example'].flatMap((sni) =>
    ['', 'good', 'stranger'].flatMap((as) => names.map((host): Visit => ({ sni, as, host }))),
  ),
  // Another server than the one that was named.
  ...['on.example', 'off.example', 'opt.example', 'bare.example', 'pages.example', 'b.wild.example'].flatMap(
    (sni) =>
      [...names, 'unknown.example', '', `${sni}:444`, sni.toUpperCase(), `${sni}.`].map(
        (host): Visit => ({ sni, host, as: 'good' }),
      ),
  ),
  {
    sni: 'on.example',
    as: 'good',
    bytes: 'GET https://opt.example/x HTTP/1.1\r\nHost: on.example\r\nConnection: close\r\n\r\n',
  },
  { sni: 'on.example', bytes: 'GET / HTTP/1.0\r\n\r\n' },
  { sni: 'off.example', bytes: 'GET / HTTP/1.0\r\n\r\n' },
  { sni: 'on.example', bytes: 'HEAD / HTTP/1.1\r\nHost: on.example\r\nConnection: close\r\n\r\n' },
  { sni: 'on.example', bytes: 'POST / HTTP/1.1\r\nHost: on.example\r\nContent-Length: 3\r\n\r\nabc' },
  { sni: 'on.example', as: 'good', host: 'on.example', path: '/nowhere' },
  { sni: 'on.example', bytes: 'TRACE / HTTP/1.1\r\nHost: on.example\r\nConnection: close\r\n\r\n' },
  // Names of all sorts.
  ...['odd1', 'odd2', 'odd3', 'odd4', 'odd5', 'odd6'].map((as): Visit => ({ sni: 'nobody.example', as })),
  ...['good', '', 'stranger'].flatMap((as) => [
    { port: 1, sni: 'one.example', as },
    { port: 1, sni: 'other.example', host: 'one.example', as },
    { port: 1, sni: 'one.example', host: 'other.example', as },
    { port: 1, sni: '', as },
  ]),
  { port: 2, sni: '' },
  { port: 2, sni: '', tls: { minVersion: 'TLSv1.3' } },
  { port: 2, sni: '', tls: { ecdhCurve: 'P-256' } },
  { port: 3, sni: '' },
  { port: 3, sni: '', tls: { maxVersion: 'TLSv1.2' } },
  { port: 3, sni: '', tls: { ecdhCurve: 'P-256:P-384' } },
  { port: 3, sni: '', tls: { ecdhCurve: 'X25519' } },
  { port: 4, sni: '', tls: { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } },
  { port: 4, sni: '', tls: { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } },
  { port: 4, sni: '', tls: { ciphers: 'AES128-SHA:ECDHE-ECDSA-AES256-SHA' } },
  { port: 5, sni: 's1.example' },
  { port: 5, sni: 'rsa.example' },
  { port: 5, sni: 'S2.example' },
  { port: 5, sni: 'nothing.example' },
  { port: 5, sni: '' },
  { port: 6, sni: '' },
  { port: 6, sni: '', tls: { ciphers: 'ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256' } },
  { port: 6, sni: '', tls: { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } },
  { port: 7, sni: '' },
  { port: 7, sni: 'anybody.example' },
  ...['http/1.1', 'http/1.0', 'http/0.9', 'h2', 'spdy/3'].map(
    (protocol): Visit => ({ sni: 'off.example', tls: { ALPNProtocols: [protocol] } }),
  ),
  { sni: 'off.example', tls: { ALPNProtocols: ['h2', 'http/1.0', 'http/1.1'] } },
  { sni: 'off.example', tls: { maxVersion: 'TLSv1.2' } },
  { sni: 'opt.example', as: 'good', tls: { maxVersion: 'TLSv1.2' } },
  { sni: 'noca.example', as: 'stranger', tls: { maxVersion: 'TLSv1.2' } },
  { sni: 'chacha.example', tls: { maxVersion: 'TLSv1.2' } },
  { sni: 'chacha.example', tls: { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } },
];

const titleOf = ({ port = 0, sni, host = sni, as = '', tls, bytes = '', path = '/' }: Visit): string =>
  `${port} ${sni || '-'} for ${host} as ${as || 'nobody'} ${tls === undefined ? '' : JSON.stringify(tls)}${path}${bytes.slice(0, 30)}`;

describe.skipIf(nginxVersion === '')('lbproxy speaks TLS to clients as nginx', () => {
  const ca = new Authority();
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(configuration(ca));
    // In the second of their making certificates last a day longer.
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }, 60_000);
  afterAll(async () => {
    await pair?.close();
    ca.remove();
  });

  it.each(VISITS.map((visit) => [titleOf(visit), visit] as const))('%s', async (_title, visit) => {
    const [nginx, lbproxy] = await Promise.all([
      visitOf(ca, pair.nginx, visit),
      visitOf(ca, pair.lbproxy, visit),
    ]);
    expect(lbproxy).toEqual(nginx);
  });

  it.each(['on.example', 'opt.example', 'more.example', 'nobody.example', 'off.example', 'bare.example'])(
    'names to a client of %s whom it may be signed by',
    async (sni) => {
      const [nginx, lbproxy] = await Promise.all(
        [pair.nginx, pair.lbproxy].map((side) => askedFor(side, sni)),
      );
      expect(lbproxy).toEqual(nginx);
    },
  );

  it('logs the same of all that came to a request', async () => {
    const linesOf = (side: Side): string[] => {
      side.flush();
      return readFileSync(join(side.dir, 'seen.log'), 'utf8').trimEnd().split('\n').sort();
    };
    // Either may write a line behind the end of its connection.
    await expect.poll(() => linesOf(pair.lbproxy).length - linesOf(pair.nginx).length).toBe(0);
    expect(linesOf(pair.lbproxy)).toEqual(linesOf(pair.nginx));
  });
});

/** The certificate that was shown, and the answer; or why there was none. */
type Seen = Comparable | { readonly refused: string };

async function visitOf(
  ca: Authority,
  side: Side,
  visit: Visit,
): Promise<readonly [shown: string, seen: Seen]> {
  const { port = 0, sni, host = sni, as = '', tls = {}, path = '/' } = visit;
  const own = as === '' ? {} : { cert: ca.read(`${as}.crt`), key: ca.read(`${as}.key`) };
  const options = {
    port: side.ports[port],
    host: '127.0.0.1',
    servername: sni,
    rejectUnauthorized: false,
    ecdhCurve: 'P-256:P-384',
    sigalgs: 'ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256',
    ...own,
    ...tls,
  };
  const socket = connect(options);
  const refused = await secured(socket);
  if (refused !== '') return ['', { refused }];
  const shown = String(socket.getPeerCertificate().subject?.CN);
  const bytes = visit.bytes ?? `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  const answer = comparable(await exchangeOnce(0, bytes, { socket }), side);
  // One variable a line.
  return [shown, { ...answer, body: answer.body.replaceAll('] ', ']\n') }];
}

/** '' once the handshake is done; else why it was not. */
function secured(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(''));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
    socket.setTimeout(8000, () => socket.destroy(new Error('nothing for 8 s')));
  });
}

/** Whom a server says that it trusts, as openssl prints it. */
async function askedFor(side: Side, sni: string): Promise<string> {
  const { text } = await opensslClient(side.port, ['-servername', sni], ['Q\n']);
  return (
    /^(?:Acceptable client certificate CA names\n[\s\S]*?(?=Client Certificate Types|Requested)|No client certificate CA names sent)/m.exec(
      text,
    )?.[0] ?? text
  );
}

function configuration(ca: Authority): string {
  makeCertificates(ca);
  const block = (port: string, name: string, text: string): string =>
    `server { listen {port${port}} ssl; ${name} access_log {dir}/seen.log seen; ${text} location / { return 200 "${SHOWN}"; } location = /nowhere { return 404; } }`;
  const byName = Object.entries(SERVERS).map(([name, text]) => block('', `server_name ${name};`, text));
  return `
    map $ssl_session_id $idlength { default odd; "" 0; "~^[0-9a-f]{64}$" 64; }
    map $ssl_server_name $byname { default s1; "~^(?<n>rsa|nothing)" $n; "~*^s2" s2; }
    ssl_protocols TLSv1.2 TLSv1.3;
    log_format seen '$status $ssl_server_name $host $ssl_client_verify $ssl_client_s_dn $ssl_protocol $request';
    ${byName.join('\n')}
    ${PORTS.map((text, i) => block(String(i + 2), '', text)).join('\n')}
    server { listen {port8} ssl; server_name only.example; ${certificate('s1')} access_log off; }
  `.replaceAll('{}', ca.dir);
}

function makeCertificates(ca: Authority): void {
  ca.leaf('s1', 's1.example');
  ca.leaf('s2', 's2.example');
  ca.rsa('rsa', 'rsa.example');
  ca.encrypt('rsa', 'open sesame');
  ca.write('passwords', 'wrong\r\n\nopen sesame\n');
  ca.write('dh.pem', DH_PARAMETERS);
  ca.leaf('good', 'a client');
  ca.selfSigned('stranger', 'stranger.example');
  ca.leaf('mid1', 'mid1', { authority: true });
  ca.leaf('mid2', 'mid2', { authority: true, by: 'mid1' });
  ca.leaf('deep1', 'deep1', { by: 'mid1', chain: ['mid1'] });
  ca.leaf('deep2', 'deep2', { by: 'mid2', chain: ['mid2', 'mid1'] });
  ca.leaf('revoked', 'revoked');
  ca.revoke('revoked');
  ca.leaf('old', 'old', { from: '20200101000000Z', to: '20210101000000Z' });
  ca.leaf('young', 'young', { from: '20400101000000Z', to: '20410101000000Z' });
  ca.withSubject('odd1', '/C=DE/ST=Land/L=Ort/O=Ä & Söhne, KG/OU=a+b/CN=x\\/y=z/emailAddress=a@b.example');
  ca.withSubject(
    'odd2',
    '/CN= #lead and trail /O=<q>"s";\\\\end',
    '-set_serial',
    '0x0102030405060708090a0b0c0d0e0f10',
  );
  ca.withSubject('odd3', '/DC=org/DC=example/UID=me+CN=me too/OU=same', '-set_serial', '1');
  ca.withSubject(
    'odd4',
    '/1.2.3.4.5=unknown/CN=\u65e5\u672c/serialNumber=7/GN=g/SN=s/title=t/postalCode=1/street=st',
    '-days',
    '400',
  );
  ca.withSubject(
    'odd5',
    '/businessCategory=b/jurisdictionC=DE/organizationIdentifier=o/pseudonym=p/CN=#x',
    '-set_serial',
    '255',
  );
  ca.withSubject('odd6', '/', '-set_serial', '128');
}

/** ffdhe2048. */
const DH_PARAMETERS = `-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
`;
