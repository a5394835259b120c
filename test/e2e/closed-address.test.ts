// An address that a reload closes: who is still served on it is served to the end, also when lbproxy is then told to quit.
import { describe, expect, it } from 'vitest';
import { get, pause } from '../support/http-client.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers } from '../support/peer-process.ts';

describe('an exchange on an address that is closed meanwhile', () => {
  it('is waited for by a graceful stop', async () => {
    const [peer] = await startPeers(1);
    const config = (listens: string): string =>
      `worker_processes 1; http { server { ${listens} location / { proxy_pass http://${peer.address}; } } }`;
    const lbproxy = await startLbproxy(config('listen 127.0.0.1:PORT1; listen 127.0.0.1:PORT2;'));
    const answer = get(lbproxy.ports[1], '/slow?ms=2500');
    await pause(300);
    expect(await lbproxy.reload(config('listen 127.0.0.1:PORT1;'))).toBe('reloaded');
    lbproxy.signal('SIGQUIT');
    expect(await answer).toMatchObject({ status: 200, body: `${peer.port}\n` });
    expect(await lbproxy.exited).toMatchObject({ code: 0 });
    expect(lbproxy.stderr()).toContain('quit waits for 1 exchange');
  });
});
