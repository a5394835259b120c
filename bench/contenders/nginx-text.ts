// The parts of a configuration that nginx and lbproxy read alike: one text for both, so that they are asked the same.
import type { Place, Setup } from './contender.ts';

/** Directives that only one of them needs, by where they go. */
export interface Tuning {
  readonly http?: string;
  readonly upstream?: string;
  readonly location?: string;
}

/** Connections that a process may hold; the idle and the many-peers scenarios need most. */
export const EVENTS = 'events { worker_connections 16384; }';

/** `http { … }` for the setup. */
export function httpBlock(setup: Setup, place: Place, tuning: Tuning): string {
  const { certificate, dir } = place;
  const listen = `listen 127.0.0.1:${place.port}`;
  const tls = setup.tls
    ? `ssl_certificate ${certificate.certificate}; ssl_certificate_key ${certificate.key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519;`
    : '';
  const log =
    setup.log === 'combined'
      ? `access_log ${dir}/access.log combined buffer=64k flush=1s;`
      : 'access_log off;';
  const method = setup.method === 'round_robin' ? '' : `${setup.method};`;
  return `http {
  ${log} ${tuning.http ?? ''}
  keepalive_timeout 300s; keepalive_requests 1000000000; client_max_body_size 16m;
  upstream u { ${method}
    ${peerAddresses(setup, place).map(addressLine).join('\n    ')}
    ${tuning.upstream ?? ''}
  }
${times(setup.serverNames, (i) => `  server { ${listen}; server_name h${i}.example; location / { return 204; } }`)}
  server {
    ${listen}${setup.tls ? ' ssl' : ''}; server_name used.example; ${tls}
${times(setup.prefixes, (i) => `    location /p${i}/ { return 204; }`)}
${times(setup.regexes, (i) => `    location ~ ^/r${i}/[a-z]+\\.php$ { return 204; }`)}
    ${setup.staticRoot ? `location /static/ { root ${place.staticDir}; }` : ''}
    ${setup.generation > 0 ? `location = /generation { return 200 "${setup.generation}"; }` : ''}
    location / {
      proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr;
      ${tuning.location ?? ''} proxy_pass http://u;
    }
  }
}
`;
}

const addressLine = (address: string): string => `server ${address};`;

const times = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** Addresses of the group's peers: the upstream processes, and where more are asked for, the same at 127.0.0.2 and on. */
export function peerAddresses(setup: Setup, place: Place): string[] {
  const { upstreams } = place;
  return Array.from({ length: setup.peers || upstreams.length }, (_, i) => {
    const host = Math.floor(i / upstreams.length) + 1;
    return `127.0.${host >> 8}.${host & 255}:${upstreams[i % upstreams.length]}`;
  });
}

/** Idle connections to peers that are kept: one for each peer where there are many. */
export const keptConnections = (setup: Setup): number => Math.max(setup.keepalive, setup.peers);
