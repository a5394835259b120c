// nginx: as the classic texts configure it, and tuned with kept-alive connections to the peers.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, type ContenderSetup, versionOf } from './contender.ts';

function command(setup: ContenderSetup, group: string, location: string): readonly string[] {
  const { dir, port, upstreams } = setup;
  mkdirSync(join(dir, 'logs'), { recursive: true });
  const file = join(dir, 'nginx.conf');
  const servers = upstreams.map((p) => `server 127.0.0.1:${p};`).join(' ');
  // Its process may write to our directory only as ourselves.
  const asRoot = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    file,
    `${asRoot} daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
     events { worker_connections 4096; }
     http { access_log off; client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f;
       uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
       upstream u { ${servers} ${group} }
       server { listen 127.0.0.1:${port}; keepalive_requests 1000000000;
         location / { proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr; ${location} proxy_pass http://u; } } }`,
  );
  return ['nginx', '-p', dir, '-c', file];
}

const install = 'apt-get install nginx';
const version = () => versionOf('nginx', ['-v']);

export const nginxTuned: Contender = {
  name: 'nginx (tuned)',
  install,
  version,
  command: (setup) =>
    command(
      setup,
      'keepalive 128; keepalive_requests 1000000;',
      'proxy_http_version 1.1; proxy_set_header Connection "";',
    ),
};

export const nginxClassic: Contender = {
  name: 'nginx (classic)',
  install,
  version,
  command: (setup) => command(setup, '', ''),
};
