// Programs as peers: named by a proxy_pass without an upstream, and together with backup servers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { get } from '../support/http-client.ts';
import { childrenOf, commandOf, type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { PEER_PROGRAM } from '../support/peer-process.ts';
import { startUpstream } from '../support/upstream.ts';

const COMMAND = `${process.execPath} ${PEER_PROGRAM} --port={port}`;

const body = async (lbproxy: LbproxyProcess, path = '/'): Promise<string> =>
  (await get(lbproxy.port, path)).body.trim();

it('a proxy_pass names a program that no upstream follows, as text or by a variable', async () => {
  const ports = await freePorts(3);
  const lbproxy = await startLbproxy(
    JSON.stringify({
      acceptors: 1,
      programs: { web: { command: COMMAND, numprocs: 2, first_port: ports[1] } },
      servers: [
        {
          listen: `127.0.0.1:${ports[0]}`,
          locations: {
            '/': { proxy_pass: 'http://web' },
            '/named/': { set: '$app web', rewrite: '^ / break', proxy_pass: 'http://$app' },
          },
        },
      ],
    }),
    { ports },
  );
  for (const path of ['/', '/named/']) {
    const bodies = [await body(lbproxy, path), await body(lbproxy, path)].sort();
    expect(bodies).toEqual([String(ports[1]), String(ports[2])]);
  }
});

it('a backup server takes over while the processes of the program are away', async () => {
  const spare = await startUpstream((_req, res) => res.end('spare'));
  // Its second start takes as long as the test wants it to.
  const script = `if test -e "$1/began"; then while ! test -e "$1/go"; do sleep 0.05; done; fi
    touch "$1/began"; shift; exec "$@"`;
  const lbproxy = await startLbproxy(
    `worker_processes 1;
    program web { command "sh DIR/once.sh DIR ${COMMAND}"; first_port PORT2; startsecs 0; }
    http { upstream app { server ${spare.address} backup; program web; }
      server { listen 127.0.0.1:PORT1; location / { proxy_pass http://app; } } }`,
    { files: { 'once.sh': script } },
  );
  try {
    const own = String(lbproxy.ports[1]);
    expect([await body(lbproxy), await body(lbproxy)]).toEqual([own, own]);
    const [app] = childrenOf(lbproxy.pid).filter((pid) => commandOf(pid).includes('peer-program'));
    process.kill(app, 'SIGKILL');
    await expect.poll(() => body(lbproxy), { timeout: 5000 }).toBe('spare');
    writeFileSync(join(lbproxy.dir, 'go'), '');
    await expect.poll(() => body(lbproxy), { timeout: 10_000 }).toBe(own);
  } finally {
    await spare.close();
  }
});
