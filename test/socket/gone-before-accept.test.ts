// A client that sent a request and reset its connection before it was accepted: the kernel gives its bytes, and no address of it any more.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { startUpstream } from '../support/upstream.ts';

/** Runs while this process stands still. */
const CLIENT = `
const { connect } = require('node:net');
const socket = connect(Number(process.argv[1]), '127.0.0.1', () => {
  socket.write('GET /admin HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', () => socket.resetAndDestroy());
});`;

describe('a TCP client that is gone before it is accepted', () => {
  it('never shows as one of a Unix socket', async () => {
    const seen: (string | undefined)[] = [];
    const peer = await startUpstream((request, response) => {
      seen.push(request.headers['x-real-ip'] as string);
      response.end();
    });
    const proxy = await startProxy(`events {} http { server { listen 127.0.0.1:0;
      location / { proxy_pass http://${peer.address}; proxy_set_header X-Real-IP $remote_addr; proxy_ignore_client_abort on; } } }`);
    for (let i = 0; i < 3; i++) {
      execFileSync(process.execPath, ['-e', CLIENT, String(proxy.port)]);
      await sleep(100);
    }
    await proxy.close();
    await peer.close();
    expect(seen).not.toContain('unix:');
  });
});
