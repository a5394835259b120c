// What a peer gets and what a client gets back, through nginx and through lbproxy: targets with every kind of escape, fields that are
// set, inherited, hidden and passed, redirects of the peer put right, bodies, failures.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { deadPort, type TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';
import { ANSWERS, FIELDS, REDIRECTS, TARGETS } from './proxied-cases.ts';

/** Where lbproxy means to differ: the status line it gives, and why. */
const DIFFERENT: Readonly<Record<string, readonly [statusLine: string, why: string]>> = {
  'no reason': ['HTTP/1.1 200 OK', 'the usual phrase where the peer gave none'],
  interim: ['HTTP/1.1 200 OK', '100 is the answer to an Expect; nginx takes it for the final one'],
  103: ['HTTP/1.1 200 OK', 'interim answers are passed on; nginx takes it for the final one'],
  'no HTTP at all': ['HTTP/1.1 502 Bad Gateway', 'HTTP/0.9 is not spoken'],
  'bad field': ['HTTP/1.1 502 Bad Gateway', 'a length that is none cannot be trusted'],
  'CL and TE': ['HTTP/1.1 502 Bad Gateway', 'an answer that can be read two ways is refused'],
  'Connection of the peer': [
    'HTTP/1.1 200 OK',
    'fields that Connection names stay on the connection (RFC 9110)',
  ],
};

/** Targets: what a peer of lbproxy sees instead. */
const OTHER_TARGETS: Readonly<Record<string, readonly [target: string, why: string]>> = {
  '/rv/a%20b': ['/v/a%20b', 'nginx sends the space as it is, which no peer can read'],
  '/rva/a%20b': ['/v/a%20b', 'the same'],
};

describe.skipIf(nginxVersion === '')('lbproxy proxies as nginx', () => {
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(peer.port, await deadPort()));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  it.each(TARGETS)('target %s', async (target) => {
    const { nginx, lbproxy } = await askBoth(pair, request('GET', target));
    const other = OTHER_TARGETS[target];
    if (other === undefined) return expect(lbproxy).toEqual(nginx);
    expect(lbproxy.body.split(' ')[1]).toBe(other[0]);
    expect(lbproxy).not.toEqual(nginx);
  });

  for (const [what, cases] of Object.entries({ fields: FIELDS, redirects: REDIRECTS, answers: ANSWERS })) {
    it.each(cases)(`${what}: %s`, async (name, bytes) => {
      const { nginx, lbproxy } = await askBoth(pair, bytes.replaceAll('PEER', String(peer.port)));
      const different = DIFFERENT[name];
      if (different === undefined) return expect(lbproxy).toEqual(nginx);
      expect(lbproxy.status).toBe(different[0]);
      expect(lbproxy).not.toEqual(nginx);
    });
  }
});

function configuration(peer: number, dead: number): string {
  return `upstream echo { server 127.0.0.1:${peer}; } upstream dead { server 127.0.0.1:${dead}; }
  proxy_http_version 1.1; keepalive_timeout 75s;
  server { listen {port}; server_name ref.example;
    proxy_set_header X-Server "from $server_name";
    proxy_set_header Host $http_host;
    location /pp/ { proxy_pass http://echo; }
    location /pu/ { proxy_pass http://echo/base/; }
    location /pn { proxy_pass http://echo/base; }
    location /pq/ { proxy_pass http://echo/base/?fixed=1&; }
    location /rw/ { rewrite ^/rw/(.*)$ /new/$1 break; proxy_pass http://echo; }
    location /rwu/ { rewrite ^/rwu/(.*)$ /new/$1 break; proxy_pass http://echo/base/; }
    location /rws/ { rewrite ^/rws/(.*)$ /rws/sub/$1 break; proxy_pass http://echo/base/; }
    location /rl/ { rewrite ^/rl/(.*)$ /pu/$1 last; }
    location ~ ^/re/(.*)$ { proxy_pass http://echo; }
    location ~ ^/rv/(.*)$ { proxy_pass http://echo/v/$1; }
    location ~ ^/rva/(.*)$ { proxy_pass http://echo/v/$1$is_args$args; }
    location /var/ { set $group echo; proxy_pass http://$group; }
    location /varuri/ { set $group echo; proxy_pass http://$group$request_uri; }
    location /nested/ { location /nested/in/ { proxy_pass http://echo/inner/; } proxy_pass http://echo; }
    location /setargs/ { set $args "new=1"; proxy_pass http://echo/base/; }
    location /ifpass/ { if ($arg_x) { proxy_pass http://echo; } proxy_pass http://echo/base/; }
    location /sub/ { proxy_pass http://127.0.0.1:${peer}/; }
    location = /exact { proxy_pass http://echo/one; }
    location /root-uri/ { proxy_pass http://echo/; }
    location /inherit/ { proxy_pass http://echo; }
    location /own/ { proxy_set_header X-Own own; proxy_pass http://echo; }
    location /empty/ { proxy_set_header Accept-Encoding ""; proxy_set_header X-Gone ""; proxy_pass http://echo; }
    location /bare/ { proxy_set_header X-Nothing ""; proxy_pass http://echo; }
    location /http-host/ { proxy_set_header Host $http_host; proxy_pass http://echo; }
    location /host/ { proxy_set_header Host $host; proxy_pass http://echo; }
    location /xff/ { proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Real-IP $remote_addr; proxy_pass http://echo; }
    location /method/ { proxy_method POST; proxy_pass http://echo; }
    location /small/ { client_max_body_size 10; proxy_pass http://echo; }
    location /slash/ { proxy_pass http://echo; }
    location /dead/ { proxy_pass http://dead; }
    location /dead-expires/ { expires max; proxy_pass http://dead; }
    location /expires/ { expires max; proxy_pass http://echo; }
    location /hide/ { proxy_hide_header X-Secret; proxy_pass_header X-Pad; proxy_pass http://echo;
      location /hide/in/ { proxy_hide_header X-Other; proxy_pass http://echo; } }
    location /off/ { proxy_redirect off; proxy_pass http://echo; }
    location /pairs/ { proxy_redirect http://echo/base/ /b/; proxy_redirect http://echo/ http://new.example/; proxy_pass http://echo; }
    location /regex/ { proxy_redirect ~^http://([a-z]+)/(.*)$ http://$1.example/$2; proxy_pass http://echo; }
    location /regexi/ { proxy_redirect ~*^http://ECHO/(.*)$ /i/$1; proxy_pass http://echo; }
    location /vars/ { proxy_redirect http://$proxy_host/ https://$host/; proxy_pass http://echo; }
    location /both/ { proxy_pass http://echo/base/; proxy_redirect http://other.example/ /o/; proxy_redirect default; }
    location /relative/ { absolute_redirect off; proxy_pass http://echo; }
  }`;
}
