// HAProxy with every connection to a peer open to every request.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, versionOf } from './contender.ts';

const METHODS = { round_robin: 'roundrobin', least_conn: 'leastconn', ip_hash: 'source' } as const;

export const haproxy: Contender = {
  name: 'HAProxy',
  install: 'apt-get install haproxy',
  version: () => versionOf('haproxy', ['-v']),
  supports: (setup) =>
    setup.log === 'off' &&
    !setup.staticRoot &&
    setup.peers + setup.serverNames + setup.prefixes + setup.regexes + setup.generation === 0,
  command: (setup, place) => {
    const file = join(place.dir, 'haproxy.cfg');
    const tls = setup.tls ? ` ssl crt ${place.certificate.both} alpn http/1.1` : '';
    writeFileSync(
      file,
      `global
  nbthread ${setup.acceptors}
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 60s
  timeout tunnel 300s
  http-reuse always
frontend front
  bind 127.0.0.1:${place.port}${tls}
  default_backend apps
backend apps
  balance ${METHODS[setup.method]}
  http-request set-header X-Real-IP %[src]
${place.upstreams.map((port, i) => `  server s${i} 127.0.0.1:${port}`).join('\n')}
`,
    );
    return ['haproxy', '-db', '-q', '-f', file];
  },
};
