// Caddy as a reverse proxy and file server, HTTP/1.1 only.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, versionOf } from './contender.ts';

const METHODS = { round_robin: 'round_robin', least_conn: 'least_conn', ip_hash: 'ip_hash' } as const;

export const caddy: Contender = {
  name: 'Caddy',
  install: 'apt-get install caddy',
  version: () => {
    const version = versionOf('caddy', ['version']);
    return version === undefined ? undefined : `Caddy ${version}`;
  },
  supports: (setup) =>
    setup.log === 'off' &&
    setup.peers + setup.serverNames + setup.prefixes + setup.regexes + setup.generation === 0,
  command: (setup, place) => {
    const file = join(place.dir, 'Caddyfile');
    const { certificate, key } = place.certificate;
    const upstreams = place.upstreams.map((port) => `127.0.0.1:${port}`).join(' ');
    const files = setup.staticRoot
      ? `handle /static/* {
    root * ${place.staticDir}
    file_server
  }`
      : '';
    writeFileSync(
      file,
      `{
  admin off
  auto_https off
  default_sni localhost
  log {
    level ERROR
  }
  servers {
    protocols h1
  }
}
${setup.tls ? 'https' : 'http'}://:${place.port} {
  bind 127.0.0.1
  ${setup.tls ? `tls ${certificate} ${key}` : ''}
  ${files}
  handle {
    reverse_proxy ${upstreams} {
      lb_policy ${METHODS[setup.method]}
      header_up X-Real-IP {remote_host}
      transport http {
        keepalive 60s
        keepalive_idle_conns_per_host ${setup.keepalive}
      }
    }
  }
}
`,
    );
    const threads = `GOMAXPROCS=${setup.acceptors}`;
    const run = ['caddy', 'run', '--adapter', 'caddyfile', '--config', file];
    return [
      'env',
      threads,
      `HOME=${place.dir}`,
      `XDG_DATA_HOME=${place.dir}`,
      `XDG_CONFIG_HOME=${place.dir}`,
      ...run,
    ];
  },
};
