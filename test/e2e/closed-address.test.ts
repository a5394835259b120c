// An address that a reload closes: who is still served on it is served to the end, also when lbproxy is then told to quit.
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { get } from '../support/http-client.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { startUpstream } from '../support/upstream.ts';

describe('an exchange on an address that is closed meanwhile', () => {
  it('is waited for by a graceful stop', async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<ServerResponse>();
    const peer = await startUpstream((_req, res) => arrive(res));
    try {
      const config = (listens: string): string =>
        `worker_processes 1; http { server { ${listens} location / { proxy_pass http://${peer.address}; } } }`;
      const lbproxy = await startLbproxy(config('listen 127.0.0.1:PORT1; listen 127.0.0.1:PORT2;'));
      const answer = get(lbproxy.ports[1], '/');
      const response = await arrived;
      expect(await lbproxy.reload(config('listen 127.0.0.1:PORT1;'))).toBe('reloaded');
      lbproxy.signal('SIGQUIT');
      await lbproxy.printed('quit waits for 1 exchange');
      response.end('late');
      expect(await answer).toMatchObject({ status: 200, body: 'late' });
      expect(await lbproxy.exited).toMatchObject({ code: 0 });
    } finally {
      await peer.close();
    }
  });
});
