// Every size of the configuration at once, as small and as large as it can be written: requests with bodies, long heads and log lines
// are answered all the same, and nothing is allocated for what does not come.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROWS } from '../../src/config/registry.ts';
import { get } from '../support/http-client.ts';
import { residentBytes, startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers } from '../support/peer-process.ts';
import { rawClient } from '../support/raw-client.ts';

const SIZES = ROWS.filter((row) => row.kind === 'setting' && row.syntax === 'size');
const isOfProgram = ({ contexts }: (typeof SIZES)[number]): boolean => contexts.includes('program');
/** Sizes of buffers for answers bind each other: what goes with one of them alone is told by test/config/buffers.test.ts. */
const BOUND = /_(?:buffer|busy_buffers|temp_file_write|max_temp_file)_size$/;
const PLAIN = SIZES.filter((row) => !isOfProgram(row))
  .map(({ name }) => name)
  .filter((name) => !BOUND.test(name) || /^client_/.test(name))
  .filter((name) => name !== 'inspector');
const OF_PROGRAM = SIZES.filter(isOfProgram).map(({ name }) => name);

const config = (size: string, address: string): string =>
  `worker_processes 1;
   program p { command "sh -c 'while echo a line of it; do sleep 0.01; done'"; stdout_logfile DIR/p.log;
     ${OF_PROGRAM.map((name) => `${name} ${size};`).join(' ')} }
   inspector ${size === '1' ? 1 : '1g'};
   http { ${PLAIN.map((name) => `${name} ${size};`).join(' ')}
     proxy_buffer_size ${size === '1' ? 1 : '8k'}; proxy_max_temp_file_size ${size === '1' ? 0 : size};
     large_client_header_buffers 4 ${size === '1' ? '8k' : size};
     access_log DIR/access.log combined buffer=${size} flush=1h;
     server { listen 127.0.0.1:PORT1; location / { proxy_pass http://${address}; }
       location /own { return 200 own; } } }`;

it('there are sizes', () => {
  expect(PLAIN.length).toBeGreaterThanOrEqual(3);
  expect(OF_PROGRAM.length).toBeGreaterThanOrEqual(3);
});

describe.each(['9007199254740991', '1'])('with all sizes %s', (size) => {
  it('requests with and without a body are answered, and logged', async () => {
    const [peer] = await startPeers(1);
    const lbproxy = await startLbproxy(config(size, peer.address));
    const [acceptor] = lbproxy.acceptorPids();
    const before = residentBytes(acceptor);
    const seen: string[] = [];
    const ask = async (head: string, body: string): Promise<void> => {
      const client = rawClient(lbproxy.port);
      client.write(`${head} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: ${'x'.repeat(6000)}\r\n`);
      client.write(body);
      seen.push((await client.closed(5000)).slice(9, 12));
    };
    await ask('GET /own', '\r\n');
    await ask('POST /', 'Content-Length: 200000\r\n\r\n'.concat('b'.repeat(200_000)));
    await ask('POST /', 'Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n');
    // A body of more than one byte is too large where one is the most; so is the head of any answer of a peer.
    expect(seen).toEqual(size === '1' ? ['200', '413', '413'] : ['200', '200', '200']);
    expect((await get(lbproxy.port, '/')).status).toBe(size === '1' ? 502 : 200);
    expect(residentBytes(acceptor) - before).toBeLessThan(100 * 1024 * 1024);
    lbproxy.signal('SIGQUIT');
    expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
    const lines = readFileSync(join(lbproxy.dir, 'access.log'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lbproxy.stderr()).not.toMatch(/internal|RangeError|NaN/);
  });
});
