// nginx: as the classic texts configure it, and tuned as its experts do.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, type Place, type Setup, versionOf } from './contender.ts';
import { EVENTS, httpBlock, keptConnections, type Tuning } from './nginx-text.ts';

function command(setup: Setup, place: Place, tuning: Tuning): readonly string[] {
  const { dir } = place;
  const file = join(dir, 'nginx.conf');
  // Its process may write to our directory only as ourselves.
  const asRoot = process.getuid?.() === 0 ? 'user root;' : '';
  const http = `client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f;
  uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s; server_names_hash_max_size 16384; ${tuning.http ?? ''}`;
  writeFileSync(
    file,
    `${asRoot} daemon off; worker_processes ${setup.acceptors}; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
${EVENTS}
${httpBlock(setup, place, { ...tuning, http })}`,
  );
  return ['nginx', '-p', dir, '-c', file, '-e', `${dir}/error.log`];
}

const install = 'apt-get install nginx';
const version = () => versionOf('nginx', ['-v']);

/** Kept-alive connections to the peers, files by sendfile, and like lbproxy no body of a request through a temporary file. */
export const nginxTuned: Contender = {
  name: 'nginx (tuned)',
  install,
  version,
  supports: () => true,
  command: (setup, place) => {
    const connection = setup.upgrade
      ? 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
      : 'proxy_set_header Connection "";';
    return command(setup, place, {
      http: 'sendfile on; tcp_nopush on;',
      upstream: `keepalive ${keptConnections(setup)}; keepalive_requests 1000000000;`,
      location: `proxy_http_version 1.1; ${connection} proxy_request_buffering off; proxy_max_temp_file_size 0;`,
    });
  },
};

/** As the texts of the Tornado deployment write it: HTTP/1.0 to the peers, a connection for each request. */
export const nginxClassic: Contender = {
  name: 'nginx (classic)',
  install,
  version,
  supports: (setup) => !setup.upgrade,
  command: (setup, place) =>
    command(setup, place, {
      location: 'proxy_set_header X-Scheme $scheme; proxy_pass_header Server; proxy_redirect off;',
    }),
};
