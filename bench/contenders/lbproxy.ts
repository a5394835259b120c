// lbproxy from this checkout, built.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from './contender.ts';

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;

export const lbproxy: Contender = {
  name: 'lbproxy',
  install: 'npm run build',
  version: () => {
    if (!existsSync(MAIN)) return undefined;
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    return `lbproxy ${version} on Node ${process.versions.node}`;
  },
  command: ({ port, upstreams, dir }) => {
    const file = join(dir, 'lbproxy.conf');
    const servers = upstreams.map((p) => `server 127.0.0.1:${p};`).join(' ');
    writeFileSync(
      file,
      `worker_processes 1; state_path ${dir}; error_log ${dir}/lbproxy.log;
       http { upstream u { ${servers} keepalive 128; keepalive_timeout 60s; keepalive_requests 1000000; }
         server { listen 127.0.0.1:${port}; keepalive_requests 1000000000;
           location / { proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr; proxy_pass http://u; } } }`,
    );
    return [process.execPath, MAIN, '--config', file];
  },
};
