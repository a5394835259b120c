// Twenty seconds of everything at once, aborts included: afterwards the acceptor has as many descriptors open as before.
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { pause, startCrowd, until } from '../support/http-client.ts';
import { openFiles, residentBytes, startLbproxy } from '../support/lbproxy-process.ts';
import { startPeers } from '../support/peer-process.ts';

const FOR_MS = 20_000;

/** Leaves in the middle: of connecting, the head, the own body, the answer. */
function leaveEarly(port: number, n: number): void {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const texts = [
    '',
    'GET / HTTP/1.1\r\nHo',
    'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nnot all of it',
    'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel',
    'GET /stream?bytes=50000000 HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /slow?ms=3000 HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /slow?ms=200 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'not HTTP at all\r\n\r\n',
  ];
  socket.write(texts[n % texts.length]);
  const leave = [() => socket.destroy(), () => socket.end(), () => socket.resetAndDestroy()][n % 3];
  setTimeout(leave, (n * 7) % 60);
  // One that only half-closes is done with once its answer is here.
  setTimeout(() => socket.destroy(), 4000);
}

function upload(port: number): void {
  const req = request({ port, host: '127.0.0.1', method: 'PUT', path: '/hash', agent: false }, (res) =>
    res.resume(),
  );
  req.on('error', () => {});
  for (let i = 0; i < 8; i++) req.write(Buffer.alloc(20_000));
  req.end();
}

function talkAndLeave(port: number, n: number): void {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  socket.on('error', () => {});
  socket.on('open', () => socket.send('hello'));
  socket.on('message', () => (n % 2 === 0 ? socket.close() : socket.terminate()));
}

describe('a mixed load', () => {
  it('leaves no descriptor and no memory behind', { timeout: 60_000 }, async () => {
    const peers = await startPeers(2);
    const lbproxy = await startLbproxy(
      `worker_processes 1; http { access_log DIR/access.log;
         upstream u { ${peers.map((peer) => `server ${peer.address} fail_timeout=1s;`).join(' ')} }
         server { listen 127.0.0.1:PORT1; location / { proxy_pass http://u; } } }`,
    );
    const [pid] = lbproxy.acceptorPids();
    await startCrowd(lbproxy.port, { clients: 20, keepAlive: true, requests: 500 }).stop();
    // Idle connections to peers end by themselves.
    await pause(2500);
    const filesBefore = openFiles(pid);
    const kept = startCrowd(lbproxy.port, { clients: 10, keepAlive: true, pauseMs: 2 });
    const fresh = startCrowd(lbproxy.port, { clients: 4, keepAlive: false, pauseMs: 2 });
    const startedAt = performance.now();
    let residentHalfway = 0;
    for (let n = 0; performance.now() - startedAt < FOR_MS; n++) {
      leaveEarly(lbproxy.port, n);
      if (n % 5 === 0) upload(lbproxy.port);
      if (n % 9 === 0) talkAndLeave(lbproxy.port, n / 9);
      if (residentHalfway === 0 && performance.now() - startedAt > FOR_MS / 2)
        residentHalfway = residentBytes(pid);
      await pause(10);
    }
    const results = [await kept.stop(), await fresh.stop()];
    expect(results.flatMap((result) => result.failures)).toEqual([]);
    expect(residentBytes(pid) - residentHalfway).toBeLessThan(50 * 2 ** 20);
    await until(() => openFiles(pid) <= filesBefore, 20_000, `no more than ${filesBefore} open files again`);
    expect(lbproxy.acceptorPids()).toEqual([pid]);
    expect(lbproxy.stderr()).not.toContain('unexpected error');
  });
});
