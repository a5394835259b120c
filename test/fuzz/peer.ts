// Bytes of peers: the real program with two acceptors in front of peers that answer with anything.
import { makePeerCase, type PeerCase } from './peer-case.ts';
import { PeerField } from './peer-field.ts';
import { Program } from './program.ts';
import type { Target } from './target.ts';

const LANES = 16;

const config = ({ one, group, echo }: PeerField['addresses']): string => `worker_processes 2;
error_log DIR/error.log crit;
http {
  proxy_connect_timeout 5s; proxy_read_timeout 3s; proxy_send_timeout 3s; keepalive_timeout 600s; keepalive_requests 1000000; proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  upstream one { server ${one} max_fails=0; keepalive 8; }
  upstream group { ${group.map((address) => `server ${address} max_fails=2 fail_timeout=100ms;`).join(' ')} keepalive 8; }
  upstream echo { server ${echo} max_fails=0; keepalive 8; }
  server {
    listen 127.0.0.1:PORT1;
    location /one/ { proxy_pass http://one; }
    location /group/ {
      proxy_pass http://group; proxy_read_timeout 1s;
      proxy_next_upstream error timeout invalid_header http_500 http_503 http_404 non_idempotent;
    }
    location = /innocent { proxy_pass http://echo; proxy_read_timeout 9s; }
  }
}
`;

export async function openPeer(): Promise<Target<PeerCase>> {
  const field = await PeerField.start();
  const program = await Program.start(config(field.addresses));
  await field.open({ host: '127.0.0.1', port: program.ports[0] }, LANES, true);
  return {
    lanes: LANES,
    make: makePeerCase,
    run: (input, lane) => field.run(input, lane),
    check() {
      field.check();
      program.check();
    },
    processes: () => program.processes,
    async close() {
      await program.stop();
      field.close();
    },
  };
}
